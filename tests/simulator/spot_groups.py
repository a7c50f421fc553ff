"""Clusters on Auto Scaling groups of Spot Instances."""

from __future__ import annotations

from typing import Any

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.world import SimulatedCluster, World

QUIET = {"start_at_once_share": 0, "learning": "off"}


def group_of(cluster: SimulatedCluster) -> AutoScalingGroup:
    assert isinstance(cluster.pool, AutoScalingGroup)
    return cluster.pool


def full(world: World, instances: int, **options: Any) -> SimulatedCluster:
    """A cluster whose service fills each of its instances."""
    cluster = world.spot_group_cluster("web", instances, **{**QUIET, **options})
    cluster.service("api", 2 * instances, cpu=1000, memory=1000)
    world.run(50)
    return cluster
