"""Clusters on Auto Scaling groups of Spot Instances, and on fleets with an on-demand part."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.ec2 import Ec2Instance
from simulator.fleet_request import SpotFleet
from simulator.world import SimulatedCluster, World

QUIET: dict[str, Any] = {"start_at_once_share": 0, "learning": "off"}


def group_of(cluster: SimulatedCluster) -> AutoScalingGroup:
    assert isinstance(cluster.pool, AutoScalingGroup)
    return cluster.pool


def fleet_of(cluster: SimulatedCluster) -> SpotFleet:
    assert isinstance(cluster.pool, SpotFleet)
    return cluster.pool


def full(world: World, instances: int, **options: Any) -> SimulatedCluster:
    """A cluster whose service fills each of its instances."""
    cluster = world.spot_group_cluster("web", instances, **{**QUIET, **options})
    cluster.service("api", 2 * instances, cpu=1000, memory=1000)
    world.run(50)
    return cluster


def with_base(world: World, instances: int, base: int, **options: Any) -> SimulatedCluster:
    """A full cluster whose owner wants `base` instances on-demand, and has them."""
    cluster = full(world, instances, **options)
    for instance in cluster.ec2_instances()[:base]:
        instance.on_demand = True
    group_of(cluster).on_demand_base = base
    return cluster


def fleet_with_part(world: World, instances: int, part: int) -> SimulatedCluster:
    """A full cluster on a fleet whose owner wants `part` instances on-demand, and has them."""
    web = world.spot_cluster("web", instances, **QUIET)
    for instance in web.ec2_instances()[:part]:
        instance.on_demand = True
    fleet_of(web).on_demand_target = part
    web.service("api", 2 * instances, cpu=1000, memory=1000)
    world.run(50)
    return web


def on_demand(cluster: SimulatedCluster) -> int:
    """Return how many of its instances are on-demand."""
    return sum(i.on_demand for i in cluster.ec2_instances())


def changed(world: World, **params: Any) -> None:
    """Change a group as its owner does: with a call of UpdateAutoScalingGroup."""
    world.account.endpoint.answer("operator", "autoscaling:UpdateAutoScalingGroup", params)


def set_base(world: World, base: int) -> None:
    distribution = {"OnDemandBaseCapacity": base, "OnDemandPercentageAboveBaseCapacity": 0}
    changed(world, AutoScalingGroupName="web", MixedInstancesPolicy={"InstancesDistribution": distribution})


def on_demand_part(cluster: SimulatedCluster) -> int:
    """Return the on-demand part that the cluster's group or fleet is asked for."""
    pool = cluster.pool
    return pool.on_demand_base if isinstance(pool, AutoScalingGroup) else pool.on_demand_target


def drained_by_hand(cluster: SimulatedCluster, instances: Iterable[Ec2Instance]) -> set[str]:
    """Drain instances as a person does, without a mark, and return their ids."""
    drained = [i for i in instances if i.container_instance]
    arns = [i.container_instance.arn for i in drained if i.container_instance]
    params = {"cluster": cluster.name, "containerInstances": arns, "status": "DRAINING"}
    cluster.world.account.endpoint.answer("operator", "ecs:UpdateContainerInstancesState", params)
    return {i.id for i in drained}
