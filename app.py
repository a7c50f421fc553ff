"""The CDK app: `cdk deploy --all` puts the suite into the current account and Region."""

import aws_cdk as cdk

from infra.scaling_stack import ScalingStack
from infra.service_out_stack import ServiceOutStack
from infra.settings import Settings
from infra.state_stack import StateStack

app = cdk.App()
settings = Settings.of(app.node)
state = StateStack(app, "steady-state", settings=settings)
scaling = ScalingStack(app, "steady-scaling", settings=settings, ledger=state.ledger)
ServiceOutStack(app, "steady-service-out", settings=settings, autoscaler_queue=scaling.autoscaler_queue)
app.synth()
