"""Scale-out: what the cluster lacks once everything that is there, coming, or can be taken back is counted."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from steady.cluster import NOTHING, ContainerInstance, InstanceShape, Size, Snapshot, TaskShape, largest
from steady.scaling.placement import Needed, place, rooms_needed
from steady.scaling.pool import coming_shapes, coming_units, shapes_of
from steady.scaling.reasons import DriftIsNotCapacity, FitsNoInstance, Reason, TakenBack, WantsDoNotFit
from steady.scaling.reservation import registered_on
from steady.scaling.room import Room, new_room, room_on
from steady.scaling.rules import CapacityWant, TaskWant, Want, drifting, wants_of
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class ScaleOut:
    """The result of scale-out.

    Attributes:
        add_units: the units to add to the target.
        to_undrain: the ARNs of instances that scale-in chose and that are taken back.
        is_open: whether any task or rule still waits for capacity; while one does, nothing is scaled in.
        reserve: the registered capacity that the rules want: scale-in leaves this much.
    """

    add_units: int = 0
    to_undrain: tuple[str, ...] = ()
    is_open: bool = False
    reasons: tuple[Reason, ...] = ()
    reserve: Size = NOTHING


def scale_out(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> ScaleOut:
    """Work out what all rules want together: one joint packing of their tasks, not a sum of their answers."""
    wants = wants_of(snapshot, state, thresholds)
    tasks = [task for want in wants for task in want.tasks]
    reasons: list[Reason] = [want.reason for want in wants if isinstance(want, TaskWant)]
    reasons += _not_capacity(snapshot, state, thresholds)
    reserve = largest(NOTHING, *(want.capacity for want in wants))
    shapes = shapes_of(snapshot, state)
    if not shapes:
        return _first_instance(tasks, reasons, reserve, snapshot, state)
    places = _places(tasks, shapes, snapshot, state)
    taken_back, lacking = _take_back(wants, places, shapes[0].size, snapshot)
    reasons += [FitsNoInstance.of(task, shapes) for task in dict.fromkeys(places.nowhere)]
    if taken_back:
        reasons.append(TakenBack(len(taken_back)))
    reasons = _with_add(reasons, places.homeless, places.new)
    reasons += [one.reason for one in lacking]
    weight = snapshot.pool.weight(shapes[0].name)
    # What fell silent a moment ago was placed, or its launcher is about to repeat it.
    repeated = any(shape.size.holds(d.size) for d in state.demands.values() for shape in shapes)
    return ScaleOut(
        max([places.units, *(one.instances * weight for one in lacking)]),
        tuple(i.arn for i in taken_back),
        len(tasks) > len(places.nowhere) or repeated or bool(lacking) or bool(taken_back),
        tuple(reasons),
        reserve,
    )


def _first_instance(
    tasks: Sequence[TaskShape], reasons: list[Reason], reserve: Size, snapshot: Snapshot, state: ScalingState
) -> ScaleOut:
    """Add one instance to a pool that names no type and has had no instance: it shows how large they are."""
    left = place(tasks, room_on(snapshot.active, snapshot)).left_over
    add = 1 if left and not coming_units(snapshot, state) else 0
    return ScaleOut(add, (), bool(tasks or state.demands), tuple(_with_add(reasons, len(left), add)), reserve)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where tasks find their places.

    Attributes:
        used: the draining instances that take some of them.
        idle: the draining instances that take none.
        coming: the instances that are booting or still to be launched.
        units: the units of the new instances that the `homeless` tasks need.
        new: the number of these instances.
        homeless: how many tasks fit neither what is there nor what is coming, but fit a new instance.
        nowhere: the tasks that no type of the pool can hold.
    """

    used: tuple[ContainerInstance, ...]
    idle: tuple[ContainerInstance, ...]
    coming: tuple[InstanceShape, ...]
    units: int
    new: int
    homeless: int
    nowhere: tuple[TaskShape, ...]


def _places(
    tasks: Sequence[TaskShape], shapes: Sequence[InstanceShape], snapshot: Snapshot, state: ScalingState
) -> _Places:
    left = place(tasks, room_on(snapshot.active, snapshot)).left_over
    # A draining instance can be had at once, one that is coming only once it has booted. What is coming is filled in
    # the same way as what is new: so the same tasks find the same places once their instances were asked for.
    spare = [i for i in snapshot.instances if i.arn in state.draining]
    back = place(left, room_on(spare, snapshot))
    coming = coming_shapes(snapshot, state, shapes)
    units, needed = _new(back.left_over, [new_room(shape, snapshot) for shape in coming], shapes, snapshot)
    return _Places(
        tuple(i for i in spare if i.arn in back.taken),
        tuple(i for i in spare if i.arn not in back.taken),
        tuple(coming),
        units,
        needed.rooms,
        needed.homeless,
        needed.nowhere,
    )


@dataclass(frozen=True, slots=True)
class _Lacking:
    """The capacity that a rule lacks: `instances` more, for this `reason`."""

    reason: Reason
    instances: int


def _take_back(
    wants: Sequence[Want], places: _Places, one: Size, snapshot: Snapshot
) -> tuple[list[ContainerInstance], list[_Lacking]]:
    """Choose which draining instances to take back, and return what is lacking even then.

    Args:
        one: the size of a new instance.
    """
    taken_back = list(places.used)
    lacking = _lacking(wants, _registered([*snapshot.active, *taken_back], places.coming), one)
    if lacking and places.idle:
        taken_back += places.idle[: max(some.instances for some in lacking)]
        lacking = _lacking(wants, _registered([*snapshot.active, *taken_back], places.coming), one)
    return taken_back, lacking


def _new(
    tasks: Sequence[TaskShape], coming: Sequence[Room], shapes: Sequence[InstanceShape], snapshot: Snapshot
) -> tuple[int, Needed]:
    """Return the units and the instances that `tasks` need beside those `coming`.

    The pool may launch any of its types: the answer holds for each of them.
    """
    of_type = [(shape, rooms_needed(tasks, coming, new_room(shape, snapshot))) for shape in shapes]
    units, _, needed = max(
        ((n.rooms * snapshot.pool.weight(shape.name), n.rooms, n) for shape, n in of_type), key=lambda one: one[:2]
    )
    nowhere = min((n.nowhere for _, n in of_type), key=len)
    return units, Needed(needed.rooms, needed.homeless, nowhere)


def _lacking(wants: Iterable[Want], there: Size, one: Size) -> list[_Lacking]:
    """Return what each capacity want lacks of `there`, in instances of the size `one`."""
    found = []
    for want in wants:
        if not isinstance(want, CapacityWant):
            continue
        lack = largest(want.capacity - there, NOTHING)
        add = max(math.ceil(lack.cpu_units / one.cpu_units), math.ceil(lack.memory_mib / one.memory_mib))
        if add > 0:
            found.append(_Lacking(want.observation.reason_to_add(add), add))
    return found


def _registered(instances: Iterable[ContainerInstance], coming: Iterable[InstanceShape]) -> Size:
    return registered_on(instances) + sum((shape.size for shape in coming), NOTHING)


def _not_capacity(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> list[Reason]:
    """Return the drifts whose tasks would fit: a crash loop, or an image that cannot be pulled."""
    return [
        DriftIsNotCapacity(s.name, s.missing)
        for s in drifting(snapshot, state, thresholds)
        if s.shape
        and s.name not in state.placement_failed_at
        and not place([s.shape] * s.missing, room_on(snapshot.active, snapshot)).left_over
    ]


def _with_add(reasons: list[Reason], tasks: int, add: int) -> list[Reason]:
    return [*reasons, WantsDoNotFit(tasks, add)] if add else reasons
