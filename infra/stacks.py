"""All stacks of the suite, as they depend on each other."""

from typing import NamedTuple

import aws_cdk as cdk

from infra.scaling_stack import ScalingStack
from infra.service_out_stack import ServiceOutStack
from infra.settings import Settings
from infra.state_stack import StateStack


class Stacks(NamedTuple):
    """The suite's stacks, each after those that it needs."""

    state: StateStack
    scaling: ScalingStack
    service_out: ServiceOutStack


def add_to(app: cdk.App) -> Stacks:
    """Adds the suite to `app`, for the clusters that its context names.

    Raises:
        BadSettings, BadThreshold: if the context says something that cannot be deployed.
    """
    settings = Settings.of(app.node)
    state = StateStack(app, "steady-state", settings=settings)
    scaling = ScalingStack(app, "steady-scaling", settings=settings, ledger=state.ledger)
    queue = scaling.autoscaler_queue
    return Stacks(state, scaling, ServiceOutStack(app, "steady-service-out", settings=settings, autoscaler_queue=queue))
