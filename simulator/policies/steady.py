"""The suite's own scaling: its functions are deployed with the world, so that nothing is left to start."""

from simulator.world import SimulatedCluster


def start(cluster: SimulatedCluster) -> None:
    assert cluster.world.suite.autoscaler, "the world was made without the suite's scaling"
