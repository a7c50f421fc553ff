"""Who sets the capacity: the suite itself, or a peer as its published formula."""

from collections.abc import Callable, Mapping

from simulator.policies import cookpad_2018, steady
from simulator.world import SimulatedCluster


class NoSuchPolicy(ValueError):
    """A policy that is not known; the text names those that are."""


# A policy is started once for each cluster. Service-out is the suite's in all of them: only scaling is compared.
POLICIES: Mapping[str, Callable[[SimulatedCluster], None]] = {
    "steady": steady.start,
    "cookpad-2018": cookpad_2018.start,
}


def named(name: str) -> Callable[[SimulatedCluster], None]:
    """The policy `name`.

    Raises:
        NoSuchPolicy: if there is none.
    """
    if name not in POLICIES:
        raise NoSuchPolicy(f'"{name}" is no policy: one of {", ".join(POLICIES)} is needed')
    return POLICIES[name]
