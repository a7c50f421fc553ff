"""Spot shortage: on-demand capacity inside the pool while Spot is short, given back once Spot has returned."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from steady.cluster import ContainerInstance, Snapshot
from steady.drain_mark import DrainReason
from steady.pools import Pool, whole_units
from steady.scaling.change import Change
from steady.scaling.pool import is_drained_by_hand, is_leaving
from steady.scaling.reasons import FellBack
from steady.scaling.spot_patience import Shortage, falls_back_at
from steady.scaling.state import ScalingState
from steady.scaling.zones import ZoneUnits, in_balance
from steady.thresholds import Thresholds

# A market that takes back this share of a fleet at once does not have the rest of its target either.
MARKET_GONE_SHARE = 0.25


def fall_back(
    snapshot: Snapshot,
    state: ScalingState,
    thresholds: Thresholds,
    target: int,
    going: Collection[str] = (),
    left: int | None = None,
) -> Change:
    """Set how much of `target` is on-demand, in units, and remember since when the pool has been short.

    Args:
        going: the ids of the instances that the decision terminates.
        left: how many places of on-demand instances Spot may be asked for at a time, in units; None: all of them.
    """
    since = short_since(snapshot, state, target)
    shortage = Shortage.seen(snapshot, state, since)
    state = replace(state, spot_grew_at=shortage.grew_at, launches_s=shortage.launches_s)
    on_demand = on_demand_units(snapshot, state, since, thresholds, target, going, left)
    reasons: tuple[FellBack, ...] = ()
    if on_demand > snapshot.pool.on_demand and since is not None:
        reasons = (FellBack(on_demand, snapshot.at - since),)
    return Change(on_demand=on_demand, reasons=reasons, state=shortage.fields)


def short_since(snapshot: Snapshot, state: ScalingState, target: int) -> float | None:
    """Return since when the pool has held less than `target`, in seconds since the epoch.

    None if it holds `target`, or if its kind has no on-demand part.
    """
    pool = snapshot.pool
    if not pool.traits.has_on_demand_part or pool.held >= target:
        return None
    return snapshot.at if state.short_since is None else state.short_since


def win_back(
    snapshot: Snapshot,
    state: ScalingState,
    target: int,
    asked: int,
    going: Collection[str],
    left: int | None = None,
) -> Change:
    """Ask Spot again, for now, for the places of on-demand instances, where the pool keeps to its on-demand part.

    Such a pool would end an instance of its own choice if it were asked for fewer on-demand units than it holds. So it
    is asked for Spot Instances beside them. What it then holds beyond `target` is emptied and terminated, and only with
    these terminations it is asked for less.

    Args:
        target: the target that lasts, in units.
        asked: what the pool is asked for now, in units.
        going: the ids of the instances that the decision terminates.
        left: how many places Spot may be asked for at a time, in units; None: all of them.
    """
    pool = snapshot.pool
    if not pool.traits.keeps_to_its_parts or state.short_since is not None:
        return Change()
    kept = {*snapshot.bound_since, *snapshot.pinned, *state.draining}
    free = [i for i in on_demand_instances(snapshot) if i.arn not in kept]
    over = pool.on_demand_over_floor(going)
    least = _removable(pool, (i for i in free if i.arn not in snapshot.unread), over)
    movable = _within(asked - target, least, _removable(pool, free, over))
    beyond = min(asked, pool.units(id_ for id_ in pool.members if id_ not in going)) - target
    movable = movable if left is None else min(movable, left)
    units = max(0, beyond, min(movable if pool.may_fall_back else 0, pool.maximum - target))
    return Change(units=units, units_for_now=units)


def on_demand_units(
    snapshot: Snapshot,
    state: ScalingState,
    since: float | None,
    thresholds: Thresholds,
    target: int,
    going: Collection[str] = (),
    left: int | None = None,
) -> int:
    """Return how many units of `target` are to be on-demand.

    What the market has not given for longer than its launches take (`steady.scaling.spot_patience`) is launched
    on-demand, and at once if the market takes back a large share of the fleet. Once the fleet holds its target, the
    on-demand part is lowered to the instances that run batch tasks, which cannot be moved, and to those that are being
    emptied, which nothing replaces (nor what a person has drained). The other
    on-demand instances stay too, but the fleet asks the market for their places again. Of those whose tasks were not
    read, it neither lowers the part nor raises it. A pool that keeps to its parts
    is asked for what runs on-demand, no more and no less (`win_back`). What the pool's owner wants on-demand is never
    lowered.

    Args:
        since: since when the fleet has held less than `target`; None if it holds `target`.
        going: the ids of the instances that the decision terminates.
        left: how many places of on-demand instances the market may be asked for at a time; None: all of them.
    """
    pool = snapshot.pool
    if not pool.may_fall_back:
        return pool.on_demand_floor
    wanted = max(pool.on_demand_floor, _stand_ins(snapshot, state, since, thresholds, target, going))
    if left is not None and not pool.traits.keeps_to_its_parts:
        wanted = max(wanted, pool.units(pool.on_demand_members.difference(going)) - left)
    # Auto Scaling bounds a group's part by its maximum; EC2 that of a fleet by its target.
    return wanted if pool.traits.keeps_to_its_parts else min(target, wanted)


def _stand_ins(
    snapshot: Snapshot,
    state: ScalingState,
    since: float | None,
    thresholds: Thresholds,
    target: int,
    going: Collection[str],
) -> int:
    pool = snapshot.pool
    gone = pool.units(pool.on_demand_members.intersection(going)) if pool.traits.keeps_to_its_parts else 0
    if since is None and pool.traits.keeps_to_its_parts:
        return min(target, _running_on_demand(pool, going))
    if since is None:
        kept = {*snapshot.bound_since, *state.draining, *snapshot.pinned, *_drained_by_hand(snapshot, state)}
        # The fleet would launch another one for what goes now.
        bought = [i for i in snapshot.instances if i.instance_id in pool.on_demand_members.difference(going)]
        busy = pool.units(i.instance_id for i in bought if i.arn in kept)
        most = pool.units(i.instance_id for i in bought if i.arn in kept or i.arn in snapshot.unread)
        return min(target, _within(pool.on_demand, busy, most))
    is_due = snapshot.at >= falls_back_at(snapshot, state, since, thresholds)
    if not is_due and not _is_market_gone(snapshot, state):
        return min(target, pool.on_demand - gone)
    return min(target, pool.units(pool.on_demand_members) + target - pool.held)


def _running_on_demand(pool: Pool, going: Collection[str]) -> int:
    """Return the units that stay on-demand; the owner's part, if no instance is beyond it.

    Whole instances are launched: the last one of the owner's part may count for more units than that part lacked.
    """
    staying = [id_ for id_ in pool.on_demand_members.difference(going) if id_ in pool.members]
    smallest = min((pool.weight(pool.members[id_]) for id_ in staying), default=0.0)
    is_owners = 0 <= pool.on_demand_over_floor(going) < smallest
    return pool.on_demand_floor if is_owners else pool.units(staying)


def _removable(pool: Pool, instances: Iterable[ContainerInstance], over: int) -> int:
    """Return the units of as many of `instances` as can go where `over` units are too many."""
    units = 0.0
    for weight in sorted(pool.weight(i.instance_type) for i in instances):
        units += weight if units + weight <= over else 0.0
    return whole_units(units)


def _within(now: int, least: int, most: int) -> int:
    """Return the units from `least` to `most` that are closest to those of `now`.

    The tasks on some instances are unknown at one look, and known at the next one, for want of API calls. What is asked
    for changes only where it is wrong whatever these instances run.
    """
    return max(least, min(now, most))


def _is_market_gone(snapshot: Snapshot, state: ScalingState) -> bool:
    """Whether the market takes back so much that it has no more.

    What goes for another reason says nothing of the market: an event of AWS Health, a recommendation. A group does not
    count what waits under its hook, such as what the market takes back. What scale-in has chosen waits there, too, and
    is no loss.
    """
    pool = snapshot.pool
    uncounted = 0
    if pool.traits.keeps_to_its_parts:
        chosen = {*state.interrupted, *state.draining}
        lost = {i.instance_id: i for i in snapshot.instances if i.instance_id in state.doomed and i.arn not in chosen}
        uncounted = whole_units(sum(pool.weight(i.instance_type) for id_, i in lost.items() if id_ not in pool.members))
    taken = (
        i.instance_id
        for i in snapshot.instances
        if is_leaving(i, snapshot.at, state) and (i.drain_mark is None or i.drain_mark.reason is DrainReason.HOOK)
    )
    return (pool.units(taken) + uncounted) / max(1, pool.held + uncounted) >= MARKET_GONE_SHARE


def on_demand_instances(snapshot: Snapshot) -> list[ContainerInstance]:
    """Return the pool's on-demand instances on which tasks can be placed, less those that have just come back."""
    return [i for i in snapshot.active if i.instance_id in snapshot.pool.on_demand_members and i.drain_mark is None]


def _drained_by_hand(snapshot: Snapshot, state: ScalingState) -> set[str]:
    return {i.arn for i in snapshot.instances if is_drained_by_hand(i, snapshot.at, state)}


def find_replaceable(
    snapshot: Snapshot, state: ScalingState, leaving: Collection[str], target: int
) -> tuple[ContainerInstance, ...]:
    """Return the on-demand instances whose place Spot instances have taken: they can be emptied, the emptiest first.

    Those that would leave the pool's zones unbalanced come last.

    Args:
        leaving: the ARNs of the instances that are already chosen for scale-in.
        target: the target capacity, in units.
    """
    pool = snapshot.pool
    kept = {*leaving, *snapshot.bound_since, *snapshot.unread, *snapshot.pinned}
    # One that a person has drained stays, and counts for the target, although no task is placed on it.
    by_hand = _drained_by_hand(snapshot, state)
    there = [i for i in snapshot.instances if i.arn in by_hand or i in snapshot.active]
    surplus: float = pool.units(i.instance_id for i in there if i.arn not in leaving) - target
    chosen = []
    by_id = {i.instance_id: i for i in sorted(on_demand_instances(snapshot), key=lambda i: (i.task_count, i.arn))}
    draining = {i.instance_id for i in snapshot.instances if i.arn in leaving}
    surplus = min(surplus, pool.on_demand_over_floor(draining))
    balanced = in_balance(list(by_id), ZoneUnits.of(pool, draining))
    for instance in (by_id[id_] for id_ in dict.fromkeys((*balanced, *by_id))):
        weight = pool.units([instance.instance_id])
        # An instance that runs a batch task would stay until the task ends, and take no other task meanwhile.
        if instance.arn not in kept and weight <= surplus:
            chosen.append(instance)
            surplus -= weight
    return tuple(chosen)
