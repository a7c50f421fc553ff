"""The rules of scale-out: each looks at the cluster and says what it wants, and why. What it costs is decided together.

A want is tasks that need a place, or a capacity that the instances together should have.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from steady.cluster import NOTHING, Service, Size, Snapshot, TaskShape
from steady.scaling.demand import waiting
from steady.scaling.pool import shapes_of
from steady.scaling.reasons import DemandComesBack, Reason, ReservationHigh, RoomToStart, RunTaskFailures, ServiceDrift
from steady.scaling.recurrence import DAY_S, HOUR_S, recurring
from steady.scaling.reservation import reserved_size
from steady.scaling.state import Memory
from steady.thresholds import Thresholds

# A tick looks a minute ahead of the next one, and a fleet takes a moment to launch.
LOOK_AHEAD_S = 60
USUAL_BOOT_S = 120


@dataclass(frozen=True, slots=True)
class Want:
    """What one rule wants: places for `tasks`, and that the instances' registered sizes come to `capacity` at least."""

    reason: Reason
    tasks: tuple[TaskShape, ...] = ()
    capacity: Size = NOTHING


Rule = Callable[[Snapshot, Memory, Thresholds], list[Want]]


def service_drift(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> list[Want]:
    """Places for what services have lacked for too long."""
    return [
        Want(ServiceDrift(s.name, s.missing), (s.shape,) * s.missing if s.shape else ())
        for s in drifting(snapshot, memory, thresholds)
    ]


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


def run_task_failures(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> list[Want]:  # noqa: ARG001
    """Places for the tasks that a batch launcher could not place."""
    sizes = [d.size for d in waiting(memory.demands, snapshot.at)]
    if not sizes:
        return []
    return [Want(RunTaskFailures(len(sizes), sum(sizes, NOTHING)), tuple(TaskShape(size) for size in sizes))]


def reservation_high(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> list[Want]:  # noqa: ARG001
    """So much that what is reserved stays at or under the high thresholds."""
    reserved = reserved_size(snapshot)
    registered = sum((i.registered for i in snapshot.active), NOTHING)
    wants = []
    if reserved.cpu_units:
        high = thresholds.cpu_reservation_high
        percent = 100 * reserved.cpu_units / registered.cpu_units
        needed = Size(math.ceil(reserved.cpu_units * 100 / high), 0)
        wants.append(Want(ReservationHigh("CPU", percent, high, 0), capacity=needed))
    if reserved.memory_mib:
        high = thresholds.memory_reservation_high
        percent = 100 * reserved.memory_mib / registered.memory_mib
        needed = Size(0, math.ceil(reserved.memory_mib * 100 / high))
        wants.append(Want(ReservationHigh("memory", percent, high, 0), capacity=needed))
    return wants


def room_to_start(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> list[Want]:
    """Room beside what runs, so that most tasks start at once: as much as the tasks that had to wait have taught."""
    shapes = shapes_of(snapshot, memory)
    if not shapes or not thresholds.start_at_once_share:
        return []
    reserved = reserved_size(snapshot)
    room = memory.staffing.room(reserved, shapes[0].size)
    if room == NOTHING:
        return []
    return [Want(RoomToStart(room, thresholds.start_at_once_share, 0), capacity=reserved + room)]


def recurring_demand(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> list[Want]:
    """Capacity for the demand that comes back at this time of the hour, or of the day, one boot ahead of it."""
    return demand_coming_within(ready_s(memory), snapshot, memory, thresholds)


def demand_coming_within(seconds: float, snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> list[Want]:
    """The demand that comes back within `seconds`: nothing where learning is off, or its confidence is not reached."""
    if thresholds.learning == "off":
        return []
    wants = []
    now, confidence, reserved = snapshot.at, thresholds.learning_confidence, reserved_size(snapshot)
    for peaks, every_s in ((memory.recent, HOUR_S), (memory.days, DAY_S)):
        found = recurring(peaks, every_s, now, now + seconds, confidence, reserved)
        if found:
            wants.append(Want(DemandComesBack(found.demand, every_s, found.times, found.of, 0), capacity=found.demand))
    return wants


def ready_s(memory: Memory) -> float:
    """How long, in seconds, from a decision until its instances take tasks: as the slowest of the latest boots."""
    return LOOK_AHEAD_S + max(memory.boots_s, default=USUAL_BOOT_S)


RULES: tuple[Rule, ...] = (service_drift, run_task_failures, reservation_high, room_to_start, recurring_demand)


def wants_of(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> list[Want]:
    """What all rules want, in the order of `RULES`."""
    return [want for rule in RULES for want in rule(snapshot, memory, thresholds)]
