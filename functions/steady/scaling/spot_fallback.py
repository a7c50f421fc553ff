"""Spot shortage: on-demand capacity inside the fleet while Spot is short, given back once Spot has returned."""

from collections.abc import Collection

from steady.cluster import ContainerInstance, Snapshot
from steady.scaling.change import Change
from steady.scaling.pool import leaving_units
from steady.scaling.reasons import FellBack
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds

# A market that takes back this share of a fleet at once does not have the rest of its target either.
MARKET_GONE_SHARE = 0.25


def fall_back(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds, target: int) -> Change:
    """Set how much of `target` is on-demand, in units, and remember since when the pool has been short."""
    since = short_since(snapshot, state, target)
    on_demand = on_demand_units(snapshot, state, since, thresholds, target)
    reasons: tuple[FellBack, ...] = ()
    if on_demand > snapshot.pool.on_demand and since is not None:
        reasons = (FellBack(on_demand, snapshot.at - since),)
    return Change(on_demand=on_demand, reasons=reasons, state={"short_since": since})


def short_since(snapshot: Snapshot, state: ScalingState, target: int) -> float | None:
    """Return since when the pool has held less than `target`, in seconds since the epoch.

    None if it holds `target`, or if its kind has no on-demand part.
    """
    pool = snapshot.pool
    if not pool.traits.has_on_demand_part or pool.held >= target:
        return None
    return snapshot.at if state.short_since is None else state.short_since


def on_demand_units(
    snapshot: Snapshot, state: ScalingState, since: float | None, thresholds: Thresholds, target: int
) -> int:
    """Return how many units of `target` are to be on-demand.

    What the market has not given for `fallback_after_seconds` is launched on-demand, and at once if the market takes
    back a large share of the fleet. Once the fleet holds its target, the on-demand part is lowered to the instances
    that run batch tasks, which cannot be moved, and to those that are being emptied, which nothing replaces. The other
    on-demand instances stay too, but the fleet asks the market for their places again.

    Args:
        since: since when the fleet has held less than `target`; None if it holds `target`.
    """
    pool = snapshot.pool
    if not pool.may_fall_back:
        return 0
    if since is None:
        kept = {*snapshot.bound_since, *state.draining, *snapshot.unread, *snapshot.pinned}
        busy = [i.instance_id for i in snapshot.instances if i.arn in kept and i.instance_id in pool.on_demand_members]
        return min(target, pool.units(busy))
    gone_share = leaving_units(snapshot, state) / max(1, pool.held)
    if snapshot.at - since < thresholds.fallback_after_seconds and gone_share < MARKET_GONE_SHARE:
        return min(target, pool.on_demand)
    return min(target, pool.units(pool.on_demand_members) + target - pool.held)


def on_demand_instances(snapshot: Snapshot) -> list[ContainerInstance]:
    """Return the pool's on-demand instances on which tasks can be placed, less those that have just come back."""
    return [i for i in snapshot.active if i.instance_id in snapshot.pool.on_demand_members and i.drain_mark is None]


def find_replaceable(snapshot: Snapshot, leaving: Collection[str], target: int) -> tuple[ContainerInstance, ...]:
    """Return the on-demand instances whose place Spot instances have taken: they can be emptied, the emptiest first.

    Args:
        leaving: the ARNs of the instances that are already chosen for scale-in.
        target: the target capacity, in units.
    """
    pool = snapshot.pool
    kept = {*leaving, *snapshot.bound_since, *snapshot.unread, *snapshot.pinned}
    surplus = pool.units(i.instance_id for i in snapshot.active if i.arn not in leaving) - target
    chosen = []
    for instance in sorted(on_demand_instances(snapshot), key=lambda i: (i.task_count, i.arn)):
        weight = pool.units([instance.instance_id])
        # An instance that runs a batch task would stay until the task ends, and take no other task meanwhile.
        if instance.arn not in kept and weight <= surplus:
            chosen.append(instance)
            surplus -= weight
    return tuple(chosen)
