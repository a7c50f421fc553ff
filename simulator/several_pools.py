"""Clusters with several pools: each is a view of the cluster with one of its pools."""

from __future__ import annotations

import json
from collections.abc import Mapping

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.ecs.state import Cluster
from simulator.fleet_request import SpotFleet
from simulator.workload.pool_plan import PoolPlan
from simulator.world import SimulatedCluster, World
from steady.pools import PoolKind


def cluster_of_pools(
    world: World, name: str, pools: Mapping[str, PoolPlan], **thresholds: int | str
) -> dict[str, SimulatedCluster]:
    """Build a cluster with booted instances in several pools; return a view of it with each pool, by the pool's name.

    An Auto Scaling group is named after the cluster and the pool: `web-spot`.
    """
    state = world.account.scheduler.clusters.setdefault(name, Cluster(name))
    views = {pool: SimulatedCluster(world, state, _pool(world, state, pool, plan)) for pool, plan in pools.items()}
    capacities = {pool: f"{plan.kind}:{name_of(views[pool].pool)}" for pool, plan in pools.items()}
    own: dict[str, int | str] = {}
    for pool, plan in pools.items():
        own |= {f"{pool}/{what}": value for what, value in plan.parameters.items()}
        own |= {f"{pool}/attributes": json.dumps(plan.attributes)} if plan.attributes else {}
    world.suite.manage_pools(name, capacities, own, **thresholds)
    return views


def name_of(pool: SpotFleet | AutoScalingGroup) -> str:
    """Return the name of a group, or the id of a fleet."""
    return pool.id if isinstance(pool, SpotFleet) else pool.name


def _pool(world: World, state: Cluster, name: str, plan: PoolPlan) -> SpotFleet | AutoScalingGroup:
    if plan.kind is PoolKind.SPOT_FLEET:
        return world.account.fleets.add(SpotFleet(f"sfr-{state.name}-{name}", state, plan.instances, dict(plan.types)))
    first = next(iter(plan.types))
    group = AutoScalingGroup(f"{state.name}-{name}", state, first, plan.instances, maximum=1000)
    if plan.on_spot:
        group.on_demand_percent = 0
    if plan.on_spot or len(plan.types) > 1:
        group.overrides = dict(plan.types)
    group.attributes = dict(plan.attributes)
    group.zones = plan.zones or group.zones
    group.provider = world.provide(plan.provider, group.name)
    world.account.groups.add(group)
    return group
