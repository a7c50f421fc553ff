"""Who sets the capacity: the suite itself, or a peer as its published formula."""

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
    """A policy that is not known; the text names those that are."""


# A policy is started once for each cluster. Service-out is the suite's in all of them: only scaling is compared.
POLICIES: Mapping[str, Start] = {
    policy.NAME: policy.start
    for policy in (steady, cookpad_2018, managed_scaling, reservation_alarms, escalator, cluster_autoscaler)
}


def named(name: str) -> Start:
    """The policy `name`.

    Raises:
        NoSuchPolicy: if there is none.
    """
    if name not in POLICIES:
        raise NoSuchPolicy(f'"{name}" is no policy: one of {", ".join(POLICIES)} is needed')
    return POLICIES[name]
