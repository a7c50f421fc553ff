"""The rules of scale-out. Each looks at the cluster and says what it wants; `scale_out` works out the cost of all.

A rule wants places for tasks (`TaskWant`), or that the instances together have some capacity (`CapacityWant`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from steady.cluster import NOTHING, Service, Size, Snapshot, TaskShape
from steady.scaling.demand import task_of, waiting
from steady.scaling.observations import CapacityObservation, RecurringDemandSeen, ReservationSeen, SpareCapacitySeen
from steady.scaling.place_reasons import PlacesKept
from steady.scaling.pool import shapes_of
from steady.scaling.reasons import Reason, RunTaskFailures, ServiceDrift
from steady.scaling.reservation import percent_of, registered_on, reserved_on
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds

# A tick looks one minute ahead, and a fleet takes a moment to launch.
LOOK_AHEAD_S = 60
# How long a boot is taken to last while none has been observed.
USUAL_BOOT_S = 120
# Spare capacity is there to be used: it is filled up only once less than this share of it is left. Otherwise each small
# rise of the load asks for an instance, and each small fall gives it back.
LEAST_SPARE = 0.5


@dataclass(frozen=True, slots=True)
class TaskWant:
    """A rule wants places for `tasks`; it may know none of them yet (a service whose shape is not read)."""

    reason: Reason
    tasks: tuple[TaskShape, ...] = ()

    @property
    def capacity(self) -> Size:
        return NOTHING

    @property
    def observation(self) -> str:
        return str(self.reason)


@dataclass(frozen=True, slots=True)
class CapacityWant:
    """A rule wants the registered sizes of the instances to come to `capacity` at least.

    Attributes:
        capacity: scale-in leaves this much, and scale-out adds up to it.
        enough: what scale-out adds nothing to; None: `capacity`.
    """

    observation: CapacityObservation
    capacity: Size
    enough: Size | None = None

    def is_met_by(self, registered: Size) -> bool:
        return registered.holds(self.capacity if self.enough is None else self.enough)

    @property
    def tasks(self) -> tuple[TaskShape, ...]:
        return ()


Want = TaskWant | CapacityWant
Rule = Callable[[Snapshot, ScalingState, Thresholds], list[Want]]


def service_drift(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> list[Want]:
    """Want places for the tasks that services have lacked for `drift_seconds`."""
    return [
        TaskWant(ServiceDrift(s.name, s.missing), (s.shape,) * s.missing if s.shape else ())
        for s in drifting(snapshot, state, thresholds)
    ]


def drifting(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> list[Service]:
    """Return the services that have lacked tasks for `drift_seconds`, or whose placement ECS says has failed."""
    return [
        s
        for s in snapshot.services
        if s.missing
        and (
            s.name in state.placement_failed_at
            or snapshot.at - state.drift_since.get(s.name, snapshot.at) >= thresholds.drift_seconds
        )
    ]


def run_task_failures(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> list[Want]:  # noqa: ARG001
    """Want places for the tasks that a batch launcher could not place."""
    tasks = tuple(task_of(d, state.run_shapes) for d in waiting(state.demands, snapshot.at))
    if not tasks:
        return []
    return [TaskWant(RunTaskFailures(len(tasks), sum((task.size for task in tasks), NOTHING)), tasks)]


def spare_places(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> list[Want]:  # noqa: ARG001
    """Want the places that the pool is to keep free (`steady.scaling.spare_places`)."""
    return [TaskWant(PlacesKept.of(snapshot.spare), snapshot.spare)] if snapshot.spare else []


def reservation_high(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> list[Want]:  # noqa: ARG001
    """Want the capacity at which what is reserved is at the high thresholds, or under them."""
    active = snapshot.active
    reserved = reserved_on(active)
    percent = percent_of(reserved, registered_on(active))
    wants: list[Want] = []
    if reserved.cpu_units:
        high = thresholds.cpu_reservation_high
        needed = Size(math.ceil(reserved.cpu_units * 100 / high), 0)
        wants.append(CapacityWant(ReservationSeen("CPU", percent.cpu, high), needed))
    if reserved.memory_mib:
        high = thresholds.memory_reservation_high
        needed = Size(0, math.ceil(reserved.memory_mib * 100 / high))
        wants.append(CapacityWant(ReservationSeen("memory", percent.memory, high), needed))
    return wants


def room_to_start(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> list[Want]:
    """Want spare capacity, so that `start_at_once_share` of the tasks start without waiting for an instance."""
    reserved = reserved_on(snapshot.active)
    room = spare_beside(reserved, snapshot, state, thresholds)
    if room == NOTHING:
        return []
    return [_with_spare(SpareCapacitySeen(room, thresholds.start_at_once_share), reserved, room)]


def _with_spare(seen: CapacityObservation, load: Size, spare: Size) -> CapacityWant:
    least = Size(int(spare.cpu_units * LEAST_SPARE), int(spare.memory_mib * LEAST_SPARE))
    return CapacityWant(seen, load + spare, enough=load + least)


def spare_beside(load: Size, snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> Size:
    """Return the spare capacity that a load needs, as far as it is learned; nothing if none is asked for."""
    shapes = shapes_of(snapshot, state)
    if not shapes or not thresholds.start_at_once_share:
        return NOTHING
    return state.staffing.faded(state.waited_at, snapshot.at).room(load, shapes[0].size)


def recurring_demand(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> list[Want]:
    """Want the capacity for a demand that recurs at this time of the hour or of the day, one boot ahead of it."""
    return demand_coming_within(ready_s(state), snapshot, state, thresholds)


def demand_coming_within(seconds: float, snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> list[Want]:
    """Want the capacity for the demand that recurs within `seconds`, and the spare capacity beside it.

    What recurs is not all that comes: other tasks arrive at the same time, as at any other. Nothing is wanted if
    learning is off, or if the demand recurred less often than `learning_confidence` asks.
    """
    if thresholds.learning == "off":
        return []
    now, reserved = snapshot.at, reserved_on(snapshot.active)
    found = state.history(thresholds).recurring(now, now + seconds, reserved, state.cover)
    wants: list[Want] = []
    for one in found:
        spare = spare_beside(one.demand, snapshot, state, thresholds)
        seen = RecurringDemandSeen(one.demand, one.every_s, one.times, one.of, spare)
        wants.append(_with_spare(seen, one.demand, spare))
    return wants


def rise_within(seconds: float, snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> Size:
    """Return the rise that is usual within `seconds` at this time of the hour; nothing if learning is off.

    Scale-in keeps room for it: what it takes away would have to be launched again.
    """
    if thresholds.learning == "off":
        return NOTHING
    return state.history(thresholds).usual_rise(snapshot.at, seconds)


def ready_s(state: ScalingState) -> float:
    """Return how many seconds pass from a decision until its instances take tasks.

    That is the slowest of the latest boots, but at most twice their median: one odd boot says nothing of the next ones.
    """
    if not state.boots_s:
        return LOOK_AHEAD_S + USUAL_BOOT_S
    return LOOK_AHEAD_S + min(max(state.boots_s), 2 * median(state.boots_s))


RULES: tuple[Rule, ...] = (
    service_drift,
    run_task_failures,
    spare_places,
    reservation_high,
    room_to_start,
    recurring_demand,
)


def wants_of(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> list[Want]:
    """Return what all rules want, in the order of `RULES`."""
    return [want for rule in RULES for want in rule(snapshot, state, thresholds)]
