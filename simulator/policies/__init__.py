"""Scaling policies: the suite itself, and peers, each by its published formula."""

from collections.abc import Callable, Mapping

from simulator.policies import (
    cluster_autoscaler,
    cookpad_2018,
    escalator,
    managed_scaling,
    reservation_alarms,
    steady,
)
from simulator.policies.peer import Pending
from simulator.world import SimulatedCluster

Start = Callable[[SimulatedCluster, Pending], None]


class NoSuchPolicy(ValueError):
    """There is no such policy. The text names those that there are."""


# A policy is started once for each cluster. All policies use the suite's service-out: only scaling is compared.
POLICIES: Mapping[str, Start] = {
    policy.NAME: policy.start
    for policy in (steady, cookpad_2018, managed_scaling, reservation_alarms, escalator, cluster_autoscaler)
}


def named(name: str) -> Start:
    """Return the function that starts the policy `name` on a cluster.

    Raises:
        NoSuchPolicy: if there is no such policy.
    """
    if name not in POLICIES:
        raise NoSuchPolicy(f'"{name}" is no policy: one of {", ".join(POLICIES)} is needed')
    return POLICIES[name]
