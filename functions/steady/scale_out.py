"""Scale-out: what the cluster lacks, after all that is there, coming, or can be taken back was counted."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from steady.cluster import NOTHING, ContainerInstance, InstanceStatus, Service, Size, Snapshot, TaskShape
from steady.memory import Memory
from steady.placement import empty_rooms, instances_needed, pack, room_on
from steady.reasons import (
    DriftIsNotCapacity,
    Reason,
    ReservationHigh,
    RunTaskFailures,
    ServiceDrift,
    TakenBack,
    TaskTooLarge,
    WantsDoNotFit,
)
from steady.thresholds import Thresholds

# A Spot notice lasts 120 s; an Auto Scaling instance under a hook does not count for its group any more.
LEAVES_WITHIN_S = 180


@dataclass(frozen=True, slots=True)
class ScaleOut:
    """Instances to add (`add`), scale-in choices to take back, and whether any want is `open`, with reasons."""

    add: int = 0
    to_undrain: tuple[str, ...] = ()
    open: bool = False
    reasons: tuple[Reason, ...] = ()


def wanted(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> ScaleOut:
    """The scale-out that the three rules want together: their joint packing, not their sum."""
    drifts = drifting(snapshot, memory, thresholds)
    demands = [TaskShape(d.size) for d in memory.demands.values()]
    wants = demands + [s.shape for s in drifts for _ in range(s.missing) if s.shape]
    reasons: list[Reason] = [ServiceDrift(s.name, s.missing) for s in drifts]
    if demands:
        total = sum((d.size for d in demands), NOTHING)
        reasons.append(RunTaskFailures(len(demands), total))
    reasons += _not_capacity(snapshot, drifts, memory)

    here = pack(wants, room_on(snapshot.active))
    coming = coming_instances(snapshot, memory)
    if memory.instance_size is None:
        # No instance of this pool was ever seen: the first one says how large they are.
        add = 1 if here.left_over and not coming else 0
        return ScaleOut(add, (), bool(wants), tuple(_with_add(reasons, len(here.left_over), add)))
    size = memory.instance_size
    left = pack(here.left_over, empty_rooms(size, coming)).left_over
    spare = [i for i in snapshot.instances if i.arn in memory.draining]
    back = pack(left, room_on(spare))
    new, too_large = instances_needed(back.left_over, size)
    reasons += [TaskTooLarge(t.size, size) for t in too_large]

    taken_back = [i for i in spare if i.arn in back.used]
    idle = [i for i in spare if i.arn not in back.used]
    high = over_threshold(snapshot, taken_back, coming, size, thresholds)
    more_back = idle[: max((r.add for r in high), default=0)]
    if more_back:
        taken_back += more_back
        high = over_threshold(snapshot, taken_back, coming, size, thresholds)
    if taken_back:
        reasons.append(TakenBack(len(taken_back)))
    reasons = _with_add(reasons, len(back.left_over) - len(too_large), new) + list(high)
    add = max([new, *(r.add for r in high)])
    is_open = len(wants) > len(too_large) or bool(high) or bool(taken_back)
    return ScaleOut(add, tuple(i.arn for i in taken_back), is_open, tuple(reasons))


def drifting(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> list[Service]:
    """The services that have lacked tasks for `drift_seconds`, or whose placement ECS says has failed."""
    return [
        s
        for s in snapshot.services
        if s.missing
        and (
            s.name in memory.placement_failed_at
            or snapshot.at - memory.drift_since.get(s.name, snapshot.at) >= thresholds.drift_seconds
        )
    ]


def coming_instances(snapshot: Snapshot, memory: Memory) -> int:
    """How many instances the pool has promised that have not registered: booting, or still to be launched."""
    pool = snapshot.pool
    return max(0, pool.target - staying_capacity(snapshot, memory)) // pool.weight(memory.instance_type)


def staying_capacity(snapshot: Snapshot, memory: Memory) -> int:
    """What the pool's registered instances come to, in its units, less those that are about to leave."""
    return _capacity(snapshot, (i for i in snapshot.instances if not _is_leaving(i, snapshot.at, memory)))


def leaving_capacity(snapshot: Snapshot, memory: Memory) -> int:
    """What the pool's instances that are about to leave come to, in its units.

    One that others began to drain is about to leave, and the pool replaces it; but one that drains for longer than any
    notice lasts was drained by hand: it stays, and nothing comes in its place.
    """
    return _capacity(snapshot, (i for i in snapshot.instances if _is_leaving(i, snapshot.at, memory)))


def _capacity(snapshot: Snapshot, instances: Iterable[ContainerInstance]) -> int:
    pool = snapshot.pool
    return sum(pool.weight(pool.members[i.instance_id]) for i in instances if i.instance_id in pool.members)


def _is_leaving(instance: ContainerInstance, now: float, memory: Memory) -> bool:
    if instance.status is not InstanceStatus.DRAINING or instance.arn in memory.draining:
        return False
    return now - memory.leaving_since.get(instance.arn, now) <= LEAVES_WITHIN_S


def over_threshold(
    snapshot: Snapshot,
    taken_back: list[ContainerInstance],
    coming: int,
    size: Size,
    thresholds: Thresholds,
) -> list[ReservationHigh]:
    """The resources whose reservation is over their high threshold, and how few instances bring it back under."""
    here = [*snapshot.active, *taken_back]
    registered = sum((i.registered for i in here), NOTHING) + size * coming
    reserved = sum((i.reserved for i in here), NOTHING)
    found = []
    for resource, used, total, one, high in (
        ("CPU", reserved.cpu_units, registered.cpu_units, size.cpu_units, thresholds.cpu_reservation_high),
        ("memory", reserved.memory_mib, registered.memory_mib, size.memory_mib, thresholds.memory_reservation_high),
    ):
        # In whole numbers: used / (total + add * one) <= high / 100
        add = math.ceil((used * 100 - high * total) / (high * one))
        if add > 0:
            found.append(ReservationHigh(resource, 100 * used / total if total else 100.0, high, add))
    return found


def _not_capacity(snapshot: Snapshot, drifts: list[Service], memory: Memory) -> list[Reason]:
    shapes: Mapping[str, list[TaskShape]] = {s.name: [s.shape] * s.missing for s in drifts if s.shape}
    return [
        DriftIsNotCapacity(s.name, s.missing)
        for s in drifts
        if s.name in shapes
        and s.name not in memory.placement_failed_at
        and not pack(shapes[s.name], room_on(snapshot.active)).left_over
    ]


def _with_add(reasons: list[Reason], tasks: int, add: int) -> list[Reason]:
    return [*reasons, WantsDoNotFit(tasks, add)] if add else reasons
