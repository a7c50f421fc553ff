"""Clusters with several pools: each is a view of the cluster with one of its pools."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.ecs.state import Cluster
from simulator.fleet_request import SpotFleet
from simulator.world import SimulatedCluster, World
from steady.pools import PoolKind


@dataclass(frozen=True)
class PoolPlan:
    """One pool of a cluster: its kind, how many instances it begins with, and its types with their units.

    Attributes:
        types: the units of each type that it launches; an Auto Scaling group with one type counts instances.
        on_spot: whether a group is of Spot Instances.
        parameters: `min_capacity`, `max_capacity` and `priority`, as far as the pool has its own.
        provider: the capacity provider of a group; "": it has none.
        attributes: the custom attributes of a group's instances, which the deployment knows.
    """

    kind: PoolKind
    instances: int
    types: Mapping[str, int] = field(default_factory=lambda: {"m5.large": 1})
    on_spot: bool = False
    parameters: Mapping[str, int] = field(default_factory=dict)
    provider: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


def cluster_of_pools(
    world: World, name: str, pools: Mapping[str, PoolPlan], **thresholds: int | str
) -> dict[str, SimulatedCluster]:
    """Build a cluster with booted instances in several pools; return a view of it with each pool, by the pool's name.

    An Auto Scaling group is named after the cluster and the pool: `web-spot`.
    """
    state = world.account.scheduler.clusters.setdefault(name, Cluster(name))
    views = {pool: SimulatedCluster(world, state, _pool(world, state, pool, plan)) for pool, plan in pools.items()}
    capacities = {pool: f"{plan.kind}:{_name(views[pool].pool)}" for pool, plan in pools.items()}
    own: dict[str, int | str] = {}
    for pool, plan in pools.items():
        own |= {f"{pool}/{what}": value for what, value in plan.parameters.items()}
        own |= {f"{pool}/attributes": json.dumps(plan.attributes)} if plan.attributes else {}
    world.suite.manage_pools(name, capacities, own, **thresholds)
    return views


def _name(pool: SpotFleet | AutoScalingGroup) -> str:
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
    group.provider = world.provide(plan.provider, group.name)
    world.account.groups.add(group)
    return group
