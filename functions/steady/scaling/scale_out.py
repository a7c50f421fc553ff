"""Scale-out: what the cluster lacks, after all that is there, coming, or can be taken back was counted."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

from steady.cluster import NOTHING, ContainerInstance, InstanceShape, Size, Snapshot, TaskShape
from steady.scaling.packing import instances_needed, lacking_room, new_room, pack, room_on
from steady.scaling.pool import coming_shapes, coming_units, shapes_of
from steady.scaling.reasons import DriftIsNotCapacity, FitsNoInstance, Reason, TakenBack, WantsDoNotFit
from steady.scaling.rules import Want, drifting, wants_of
from steady.scaling.state import Memory
from steady.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class ScaleOut:
    """Units to add, scale-in choices to take back, and whether any want is `open`, with reasons.

    `reserve` is the capacity that the rules want there to be: scale-in leaves as much.
    """

    add_units: int = 0
    to_undrain: tuple[str, ...] = ()
    open: bool = False
    reasons: tuple[Reason, ...] = ()
    reserve: Size = NOTHING


def wanted(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> ScaleOut:
    """The scale-out that all rules want together: the joint packing of their tasks, not a sum of their answers."""
    wants = wants_of(snapshot, memory, thresholds)
    tasks = [task for want in wants for task in want.tasks]
    reasons = [want.reason for want in wants if want.tasks or want.capacity == NOTHING]
    reasons += _not_capacity(snapshot, memory, thresholds)
    reserve = reduce(or_, (want.capacity for want in wants), NOTHING)
    shapes = shapes_of(snapshot, memory)
    if not shapes:
        return _first_instance(tasks, reasons, reserve, snapshot, memory)
    places = _places(tasks, shapes, snapshot, memory)
    taken_back, lacking = _with_capacity(wants, places, shapes[0].size, snapshot)
    reasons += [FitsNoInstance.of(task, shapes) for task in dict.fromkeys(places.nowhere)]
    if taken_back:
        reasons.append(TakenBack(len(taken_back)))
    reasons = _with_add(reasons, places.homeless, places.new)
    reasons += [replace(reason, add=add) for reason, add in lacking.items()]  # type: ignore[call-arg]
    weight = snapshot.pool.weight(shapes[0].name)
    # What fell silent a moment ago was placed, or its launcher is about to say it again.
    said = any(shape.size.holds(d.size) for d in memory.demands.values() for shape in shapes)
    return ScaleOut(
        max([places.units, *(add * weight for add in lacking.values())]),
        tuple(i.arn for i in taken_back),
        len(tasks) > len(places.nowhere) or said or bool(lacking) or bool(taken_back),
        tuple(reasons),
        reserve,
    )


def _first_instance(
    tasks: Sequence[TaskShape], reasons: list[Reason], reserve: Size, snapshot: Snapshot, memory: Memory
) -> ScaleOut:
    """Of a pool of which nothing was ever seen, and that names no type: the first one shows how large they are."""
    left = pack(tasks, room_on(snapshot.active, snapshot)).left_over
    add = 1 if left and not coming_units(snapshot, memory) else 0
    return ScaleOut(add, (), bool(tasks or memory.demands), tuple(_with_add(reasons, len(left), add)), reserve)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where tasks find their places: which draining instances are `used` and which stay `idle`, what is `coming`, how
    many `new` instances (`units` of the pool) those that are `homeless` ask for, and which fit `nowhere`.
    """

    used: tuple[ContainerInstance, ...]
    idle: tuple[ContainerInstance, ...]
    coming: tuple[InstanceShape, ...]
    units: int
    new: int
    homeless: int
    nowhere: tuple[TaskShape, ...]


def _places(tasks: Sequence[TaskShape], shapes: Sequence[InstanceShape], snapshot: Snapshot, memory: Memory) -> _Places:
    left = lacking_room(tasks, room_on(snapshot.active, snapshot))
    # What drains can be had at once, and what is coming only once it has booted. What is coming is packed next to what
    # is new: so the same tasks find the same places once it was asked for.
    spare = [i for i in snapshot.instances if i.arn in memory.draining]
    back = pack(left, room_on(spare, snapshot))
    coming = coming_shapes(snapshot, memory, shapes)
    left = lacking_room(back.left_over, [new_room(shape, snapshot) for shape in coming])
    units, new, nowhere = _new(left, shapes, snapshot)
    return _Places(
        tuple(i for i in spare if i.arn in back.used),
        tuple(i for i in spare if i.arn not in back.used),
        tuple(coming),
        units,
        new,
        len(left) - len(nowhere),
        nowhere,
    )


def _with_capacity(
    wants: Sequence[Want], places: _Places, one: Size, snapshot: Snapshot
) -> tuple[list[ContainerInstance], dict[Reason, int]]:
    """What is taken back, with what lacks of the capacity that is wanted even so (`_lacking`)."""
    taken_back = list(places.used)
    lacking = _lacking(wants, _registered([*snapshot.active, *taken_back], places.coming), one)
    if lacking and places.idle:
        taken_back += places.idle[: max(lacking.values())]
        lacking = _lacking(wants, _registered([*snapshot.active, *taken_back], places.coming), one)
    return taken_back, lacking


def _new(
    tasks: Sequence[TaskShape], shapes: Sequence[InstanceShape], snapshot: Snapshot
) -> tuple[int, int, tuple[TaskShape, ...]]:
    """The units and the instances that hold `tasks`, whichever type the pool launches; and those that no type holds."""
    needed = [(shape, *instances_needed(tasks, new_room(shape, snapshot))) for shape in shapes]
    units, count = max((n * snapshot.pool.weight(shape.name), n) for shape, n, _ in needed)
    nowhere = min((too_large for _, _, too_large in needed), key=len)
    return units, count, nowhere


def _lacking(wants: Iterable[Want], there: Size, one: Size) -> dict[Reason, int]:
    """The reasons of the wants whose capacity is not `there`, and how few instances of the size `one` make it so."""
    found = {}
    for want in wants:
        lack = (want.capacity - there) | NOTHING
        add = max(math.ceil(lack.cpu_units / one.cpu_units), math.ceil(lack.memory_mib / one.memory_mib))
        if add > 0:
            found[want.reason] = add
    return found


def _registered(instances: Iterable[ContainerInstance], coming: Iterable[InstanceShape]) -> Size:
    return sum((i.registered for i in instances), NOTHING) + sum((shape.size for shape in coming), NOTHING)


def _not_capacity(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> list[Reason]:
    """The drifts whose tasks would fit: a crash loop, an image that cannot be pulled."""
    return [
        DriftIsNotCapacity(s.name, s.missing)
        for s in drifting(snapshot, memory, thresholds)
        if s.shape
        and s.name not in memory.placement_failed_at
        and not pack([s.shape] * s.missing, room_on(snapshot.active, snapshot)).left_over
    ]


def _with_add(reasons: list[Reason], tasks: int, add: int) -> list[Reason]:
    return [*reasons, WantsDoNotFit(tasks, add)] if add else reasons
