"""The suite's own scaling: its functions are deployed with the world, so that nothing is left to start."""

from simulator.policies.peer import Pending
from simulator.world import SimulatedCluster

NAME = "steady"


def start(cluster: SimulatedCluster, pending: Pending) -> None:  # noqa: ARG001
    assert cluster.world.suite.autoscaler, "the world was made without the suite's scaling"
