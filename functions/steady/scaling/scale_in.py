"""Scale-in: which instances to empty once reservation has stayed low, and which emptied ones can go."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from steady.cluster import NOTHING, ContainerInstance, Size, Snapshot
from steady.scaling.packing import Room, pack, room_on
from steady.scaling.reasons import Emptied, Reason, ReservationLow
from steady.scaling.reservation import _percent, is_low, reservation
from steady.thresholds import Thresholds

# What runs on an instance is read one by one: no more of them than this, unless more may be emptied at once.
LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class Chosen:
    """Instances to drain now, and since when reservation has been low (None: it is not, or the count starts anew)."""

    instances: tuple[ContainerInstance, ...] = ()
    low_since: float | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Gone:
    """Instances chosen earlier that have no task left."""

    instance_ids: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()


def emptied(snapshot: Snapshot, draining: Mapping[str, str]) -> Gone:
    ids = tuple(
        i.instance_id
        for i in snapshot.instances
        if i.arn in draining and i.task_count == 0 and i.instance_id in snapshot.pool.members
    )
    return Gone(ids, (Emptied(len(ids)),) if ids else ())


def target_without(snapshot: Snapshot, instance_ids: Iterable[str], minimum: int) -> int:
    """The pool's target once `instance_ids` are gone: what is kept, and what is still to be launched.

    It is the same whether or not the target was lowered before a crash, so that no instance is subtracted twice.
    """
    pool = snapshot.pool
    leaving = set(instance_ids)
    kept = pool.units(id_ for id_ in pool.members if id_ not in leaving)
    to_be_launched = max(0, pool.target - pool.held)
    return min(pool.target, max(minimum, kept + to_be_launched)) if leaving else pool.target


def candidates(
    snapshot: Snapshot, low_since: float | None, thresholds: Thresholds, minimum: int
) -> list[ContainerInstance]:
    """The instances that scale-in may empty now, those with the fewest tasks; none while it is not due.

    None of a pool at its `minimum`, either: what runs on them need not be read.
    """
    if low_since is None or snapshot.at - low_since < thresholds.scale_in_after_seconds:
        return []
    if snapshot.pool.target <= minimum or not is_low(snapshot, thresholds):
        return []
    at_once = _at_once(snapshot, thresholds)
    return sorted(_in_pool(snapshot), key=lambda i: (i.task_count, i.reserved.memory_mib, i.arn))[
        : max(at_once, LOOKED_AT)
    ]


def _in_pool(snapshot: Snapshot) -> list[ContainerInstance]:
    return [i for i in snapshot.active if i.instance_id in snapshot.pool.members]


def _at_once(snapshot: Snapshot, thresholds: Thresholds) -> int:
    return max(1, len(_in_pool(snapshot)) * thresholds.scale_in_share // 100)


def _cheapest_first(instances: Iterable[ContainerInstance], snapshot: Snapshot) -> list[ContainerInstance]:
    """`instances` by what it costs to empty them: those without batch tasks first, then those whose are the youngest.

    What drains holds no other task until its last one ends. How long a batch task still runs nobody says, but one that
    has run for long is likely to run on for as long again.
    """

    def cost(instance: ContainerInstance) -> tuple[float, int, int, str]:
        since = snapshot.bound_since.get(instance.arn)
        bound_s = 0.0 if since is None else max(1.0, snapshot.at - since)
        return bound_s, instance.task_count, instance.reserved.memory_mib, instance.arn

    return sorted(instances, key=cost)


def chosen(
    snapshot: Snapshot,
    draining: Mapping[str, str],
    low_since: float | None,
    thresholds: Thresholds,
    minimum: int,
    reserve: Size,
) -> Chosen:
    """Takes candidates for as long as the rest holds all that runs, with headroom and `reserve`, and the minimum."""
    if not is_low(snapshot, thresholds):
        return Chosen()
    since = snapshot.at if low_since is None else low_since
    pool = snapshot.pool
    capacity = pool.target - pool.units(draining.values())
    rest = list(snapshot.active)
    rooms = room_on(rest, snapshot)
    taken: list[ContainerInstance] = []
    due = [i for i in candidates(snapshot, low_since, thresholds, minimum) if i.arn not in snapshot.unread]
    for instance in _cheapest_first(due, snapshot)[: _at_once(snapshot, thresholds)]:
        capacity -= pool.weight(pool.members[instance.instance_id])
        without = [i for i in rest if i is not instance]
        left = _rooms_after(instance, rooms, snapshot)
        enough = sum((i.registered for i in without), NOTHING).holds(reserve)
        if capacity < minimum or left is None or not enough or not _has_headroom(without, snapshot, thresholds):
            break
        rest, rooms = without, left
        taken.append(instance)
    if not taken:
        return Chosen(low_since=since)
    reason = ReservationLow(max(reservation(snapshot.active)), snapshot.at - since, len(taken))
    return Chosen(tuple(taken), None, (reason,))


def _rooms_after(instance: ContainerInstance, rooms: list[Room], snapshot: Snapshot) -> list[Room] | None:
    """What room is left on the others once the tasks of `instance` moved there; None if they do not fit."""
    others = [r.copy() for r in rooms if r.key != instance.arn]
    tasks = snapshot.tasks_of.get(instance.arn)
    if tasks is None and instance.task_count:
        return None
    return None if pack(tasks or (), others).left_over else others


def _has_headroom(rest: list[ContainerInstance], snapshot: Snapshot, thresholds: Thresholds) -> bool:
    """Whether all that is reserved now, on the rest alone, stays the headroom under the high thresholds."""
    reserved = sum((i.reserved for i in snapshot.active), NOTHING)
    if reserved == NOTHING:
        return True
    cpu, memory = _percent(reserved, sum((i.registered for i in rest), NOTHING))
    spare = thresholds.scale_in_headroom
    return bool(rest) and (
        cpu <= thresholds.cpu_reservation_high - spare and memory <= thresholds.memory_reservation_high - spare
    )
