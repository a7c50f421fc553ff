"""The suite's own scaling. Its functions are deployed with the world, so `start` has nothing to do."""

from simulator.policies.peer import Pending
from simulator.policies.several.looks import Views
from simulator.world import SimulatedCluster

NAME = "steady"


def start(cluster: SimulatedCluster, pending: Pending) -> None:  # noqa: ARG001
    """Check that the suite's scaling is deployed."""
    assert cluster.world.suite.autoscaler, "the world was built without the suite's scaling"


def start_with_pools(views: Views, pending: Pending) -> None:
    """Check that the suite's scaling is deployed."""
    start(next(iter(views.values())), pending)
