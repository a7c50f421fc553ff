"""Scale-in: which instances to empty once reservation has stayed low, and which emptied ones to terminate."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from steady.cluster import NOTHING, ContainerInstance, InstanceStatus, Size, Snapshot, TaskShape, largest
from steady.scaling.placement import place
from steady.scaling.reasons import Emptied, Reason, ReservationLow
from steady.scaling.reservation import is_low, percent_of, registered_on, reservation, reserved_on
from steady.scaling.room import Room, room_on
from steady.scaling.zones import ZoneUnits, in_balance
from steady.thresholds import Thresholds

# The tasks of each candidate must be read: this many candidates are enough, unless more may be emptied at once.
LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class Chosen:
    """The instances to drain now.

    Attributes:
        low_since: since when reservation has been low; None if it is not low, or if the wait begins anew.
    """

    instances: tuple[ContainerInstance, ...] = ()
    low_since: float | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """What the instances that stay must keep.

    Attributes:
        reserve: the registered capacity.
        recurring: the part of it that the pool's own instances must keep whatever they run now.
        tasks: those that wait, and for which there must be room.
    """

    reserve: Size = NOTHING
    recurring: Size = NOTHING
    tasks: Sequence[TaskShape] = ()


@dataclass(frozen=True, slots=True)
class EmptiedInstances:
    """The instances that scale-in chose earlier and that have no task left."""

    instance_ids: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()


def find_emptied(snapshot: Snapshot, draining: Mapping[str, str]) -> EmptiedInstances:
    """Find which of the instances `draining` (ARN to instance id) have no task left and can be terminated.

    One that would unbalance the zones waits for the others that are draining.
    """
    going = [i for i in snapshot.instances if i.arn in draining and i.instance_id in snapshot.pool.members]
    empty = tuple(i.instance_id for i in going if i.task_count == 0)
    waits = len(empty) < len(going)
    ids = tuple(in_balance(empty, ZoneUnits.of(snapshot.pool))) if waits else empty
    return EmptiedInstances(ids, (Emptied(len(ids)),) if ids else ())


def candidates(
    snapshot: Snapshot, low_since: float | None, thresholds: Thresholds, minimum: int
) -> list[ContainerInstance]:
    """Return the instances that scale-in may empty now, those with the fewest tasks first. The zones stay balanced.

    There are none while reservation has not been low for `scale_in_after_seconds`, nor in a pool at its `minimum`.
    """
    if low_since is None or snapshot.at - low_since < thresholds.scale_in_after_seconds:
        return []
    if snapshot.pool.target <= minimum or not is_low(snapshot, thresholds):
        return []
    at_once = _at_once(snapshot, thresholds)
    # One that still carries a drain mark has just come back.
    in_pool = [i for i in _in_pool(snapshot) if i.drain_mark is None and i.arn not in snapshot.pinned]
    if snapshot.pool.on_demand_over_floor(_going(snapshot)) <= 0:
        # The pool would launch another on-demand one, and end an instance of its own choice for it.
        in_pool = [i for i in in_pool if i.instance_id not in snapshot.pool.on_demand_members]
    by_cost = sorted(in_pool, key=lambda i: (_is_kept(i, snapshot), i.task_count, i.reserved.memory_mib, i.arn))
    in_turn = in_balance([i.instance_id for i in by_cost], _zones_left(snapshot))
    known = {i.instance_id: i for i in by_cost}
    return [known[id_] for id_ in itertools.islice(in_turn, max(at_once, LOOKED_AT))]


def choose(
    snapshot: Snapshot,
    draining: Mapping[str, str],
    low_since: float | None,
    thresholds: Thresholds,
    minimum: int,
    keep: Kept,
) -> Chosen:
    """Choose candidates one after the other, as long as the other instances hold everything that runs.

    One whose tasks fit nowhere else is passed over: it keeps no other instance. So is an on-demand one that the pool's
    owner wants. The others are the pool's, and those of cheaper pools beside it, as far as these may take tasks.

    Args:
        draining: the instances that scale-in has chosen already, by ARN.
        minimum: the lowest target, in units.
        keep: what the other instances must keep.
    """
    if not is_low(snapshot, thresholds):
        return Chosen()
    since = snapshot.at if low_since is None else low_since
    pool = snapshot.pool
    capacity: float = pool.target - pool.units(draining.values())
    rest = list(snapshot.active)
    beside = _RoomBeside(snapshot)
    rooms = [*room_on(rest, snapshot), *beside.rooms]
    taken: list[ContainerInstance] = []
    due = [i for i in candidates(snapshot, low_since, thresholds, minimum) if i.arn not in snapshot.unread]
    passed_over, zones = 0, _zones_left(snapshot)
    on_demand: float = pool.on_demand_over_floor(_going(snapshot))
    by_id = {i.instance_id: i for i in _cheapest_first(due, snapshot)}
    for id_ in in_balance(list(by_id), zones):
        instance = by_id[id_]
        if len(taken) == _at_once(snapshot, thresholds) or passed_over == LOOKED_AT:
            break
        weight = pool.weight(pool.members[instance.instance_id])
        is_on_demand = instance.instance_id in pool.on_demand_members
        lower = capacity - weight
        without = [i for i in rest if i is not instance]
        if lower < minimum or not (snapshot.beside or _is_enough(without, keep.reserve, NOTHING, snapshot, thresholds)):
            break
        left = None if is_on_demand and weight > on_demand else _rooms_after(instance, rooms, snapshot, keep.tasks)
        moved = beside.taken_of(left) if left else NOTHING
        if (
            left is None
            or moved is None
            # Without cheaper pools, that is known already.
            or not _is_enough(without, largest(keep.recurring, keep.reserve - moved), moved, snapshot, thresholds)
        ):
            passed_over += 1
            zones.put_back(id_)
            continue
        capacity, rest, rooms = lower, without, left
        on_demand -= weight if is_on_demand else 0
        taken.append(instance)
    if not taken:
        return Chosen(low_since=since)
    reason = ReservationLow(max(reservation(snapshot.active)), snapshot.at - since, len(taken))
    return Chosen(tuple(taken), None, (reason,))


def _in_pool(snapshot: Snapshot) -> list[ContainerInstance]:
    return [i for i in snapshot.active if i.instance_id in snapshot.pool.members]


def _zones_left(snapshot: Snapshot) -> ZoneUnits:
    """Return the units in each zone once those that are draining have gone."""
    return ZoneUnits.of(snapshot.pool, _going(snapshot))


def _going(snapshot: Snapshot) -> set[str]:
    return {i.instance_id for i in snapshot.instances if i.status is InstanceStatus.DRAINING}


def _at_once(snapshot: Snapshot, thresholds: Thresholds) -> int:
    return max(1, len(_in_pool(snapshot)) * thresholds.scale_in_share // 100)


def _cheapest_first(instances: Iterable[ContainerInstance], snapshot: Snapshot) -> list[ContainerInstance]:
    """Sort `instances` by the cost of emptying them: without batch tasks first, then by the age of their batch tasks.

    A draining instance takes no other task until its last one ends. Nobody knows when a batch task ends, but one that
    has run for long is likely to run for as long again.
    """

    def cost(instance: ContainerInstance) -> tuple[bool, float, int, int, str]:
        since = snapshot.bound_since.get(instance.arn)
        bound_s = 0.0 if since is None else max(1.0, snapshot.at - since)
        return _is_kept(instance, snapshot), bound_s, instance.task_count, instance.reserved.memory_mib, instance.arn

    return sorted(instances, key=cost)


def _is_kept(instance: ContainerInstance, snapshot: Snapshot) -> bool:
    """Return whether it goes after those for which renewal has no use."""
    return instance.instance_id not in snapshot.to_go_first


def _rooms_after(
    instance: ContainerInstance, rooms: list[Room], snapshot: Snapshot, keep: Sequence[TaskShape]
) -> list[Room] | None:
    """Return the room left on the others once the tasks of `instance` have moved there.

    None if they do not fit there, or if the tasks `keep` would not fit beside them.
    """
    others = [r.copy() for r in rooms if r.key != instance.arn]
    tasks = snapshot.tasks_of.get(instance.arn)
    if tasks is None and instance.task_count:
        return None
    if place(tasks or (), others).left_over or place(keep, [room.copy() for room in others]).left_over:
        return None
    return others


class _RoomBeside:
    """What is free on the instances of the cheaper pools, and how much of it has been taken."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._pools = [(one, room_on(one.instances, snapshot)) for one in snapshot.beside]

    @property
    def rooms(self) -> list[Room]:
        return [room for _, rooms in self._pools for room in rooms]

    def taken_of(self, after: Sequence[Room]) -> Size | None:
        """Return what the cheaper pools hold more in `after`; None if that is more than one of them may take."""
        free = {room.key: room.free for room in after}
        moved = NOTHING
        for one, rooms in self._pools:
            taken = sum((room.free - free[room.key] for room in rooms), NOTHING)
            if not one.spare.holds(taken):
                return None
            moved += taken
        return moved


def _is_enough(
    rest: list[ContainerInstance], reserve: Size, moved: Size, snapshot: Snapshot, thresholds: Thresholds
) -> bool:
    """Whether `rest` keeps `reserve`, and has headroom once what is `moved` of the pool's tasks is elsewhere."""
    return registered_on(rest).holds(reserve) and _has_headroom(rest, moved, snapshot, thresholds)


def _has_headroom(rest: list[ContainerInstance], moved: Size, snapshot: Snapshot, thresholds: Thresholds) -> bool:
    """Whether all that is reserved now, on `rest` alone, stays `scale_in_headroom` under the high thresholds."""
    reserved = reserved_on(snapshot.active) - moved
    if reserved == NOTHING:
        return True
    cpu, memory = percent_of(reserved, registered_on(rest))
    spare = thresholds.scale_in_headroom
    return bool(rest) and (
        cpu <= thresholds.cpu_reservation_high - spare and memory <= thresholds.memory_reservation_high - spare
    )
