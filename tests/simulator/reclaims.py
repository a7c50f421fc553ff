"""A fleet with every kind of task, for tests that take its instances back."""

from __future__ import annotations

from simulator.world import SimulatedCluster, World


def busy_fleet(world: World, instances: int = 4) -> SimulatedCluster:
    """A fleet with a service behind a load balancer, one without, a batch task on each instance, and a daemon."""
    fleet = world.spot_cluster("web", instances, mode="paused")
    fleet.daemon("fluentd")
    fleet.service("api", 2 * instances, requests_per_s=2)
    fleet.service("worker", instances)
    for instance in fleet.instances():
        fleet.batch_task(instance, run_s=3600)
    world.run(60)
    return fleet
