"""Spot shortage: on-demand inside the fleet while the market has nothing, given back when Spot is there again."""

from collections.abc import Collection

from steady.cluster import ContainerInstance, PoolKind, Snapshot
from steady.scaling.pool import leaving_units
from steady.scaling.state import Memory
from steady.thresholds import Thresholds

# Of a fleet that loses so much at once, the market has not got the rest either.
MARKET_GONE_SHARE = 0.25


def short_since(snapshot: Snapshot, memory: Memory, target: int) -> float | None:
    """Since when the fleet has held less than `target`; None if it holds as much, or if it is no fleet."""
    pool = snapshot.pool
    if pool.name.kind is not PoolKind.SPOT_FLEET or pool.held >= target:
        return None
    return snapshot.at if memory.short_since is None else memory.short_since


def on_demand_units(snapshot: Snapshot, memory: Memory, thresholds: Thresholds, target: int) -> int:
    """How much of the fleet's `target` is to be on-demand; `memory` says already since when the fleet has held less.

    What the market has not given for `fallback_after_seconds` is launched on-demand; without a wait, where it takes so
    much back at once that it has said itself how short it is. Once the fleet holds all of its
    target, the on-demand part is lowered to what runs batch tasks, which nothing can move, and to what is being
    emptied, in whose place nothing is wanted: the other instances stay as well, but the fleet asks the market for their
    places again.
    """
    pool = snapshot.pool
    if not pool.may_fall_back:
        return 0
    if memory.short_since is None:
        kept = {*snapshot.bound_since, *memory.draining, *snapshot.unread}
        busy = [i.instance_id for i in snapshot.instances if i.arn in kept and i.instance_id in pool.on_demand_members]
        return min(target, pool.units(busy))
    gone_share = leaving_units(snapshot, memory) / max(1, pool.held)
    if snapshot.at - memory.short_since < thresholds.fallback_after_seconds and gone_share < MARKET_GONE_SHARE:
        return min(target, pool.on_demand)
    return min(target, pool.units(pool.on_demand_members) + target - pool.held)


def on_demand_instances(snapshot: Snapshot) -> list[ContainerInstance]:
    """The fleet's on-demand instances on which tasks can be placed."""
    return [i for i in snapshot.active if i.instance_id in snapshot.pool.on_demand_members]


def to_give_back(snapshot: Snapshot, leaving: Collection[str], target: int) -> tuple[ContainerInstance, ...]:
    """The on-demand instances that Spot instances have taken the place of: those to be emptied, the emptiest first.

    Args:
        leaving: the ARNs of the instances that are chosen for scale-in already.
        target: what the fleet is asked for, in its units.
    """
    pool = snapshot.pool
    surplus = pool.units(i.instance_id for i in snapshot.active if i.arn not in leaving) - target
    chosen = []
    for instance in sorted(on_demand_instances(snapshot), key=lambda i: (i.task_count, i.arn)):
        weight = pool.units([instance.instance_id])
        # What runs a batch task would stand there for as long, and take no other.
        if instance.arn not in {*leaving, *snapshot.bound_since, *snapshot.unread} and weight <= surplus:
            chosen.append(instance)
            surplus -= weight
    return tuple(chosen)
