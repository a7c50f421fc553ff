"""Scale-out: what the cluster lacks once everything that is there, coming, or can be taken back is counted."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from steady.cluster import NOTHING, ContainerInstance, InstanceShape, Size, Snapshot, TaskShape, largest
from steady.pools import units_to_ask
from steady.scaling.demand import task_of
from steady.scaling.place_reasons import PlacesKept
from steady.scaling.placement import place
from steady.scaling.places import Places, find_places
from steady.scaling.pool import coming_units, next_shape, shapes_of
from steady.scaling.reasons import DriftIsNotCapacity, Reason, TakenBack, WantsDoNotFit
from steady.scaling.refusals import repeated_refusals
from steady.scaling.reservation import registered_on
from steady.scaling.room import room_on
from steady.scaling.rules import CapacityWant, TaskWant, Want, drifting, wants_of
from steady.scaling.servable import Servable
from steady.scaling.state import ScalingState
from steady.scaling.tries import Tries, given_up, key_of
from steady.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class ScaleOut:
    """The result of scale-out.

    Attributes:
        add_units: the units to add to the target.
        to_undrain: the ARNs of instances that scale-in chose and that are taken back.
        is_open: whether any task or rule still waits for capacity; while one does, nothing is scaled in.
        reserve: the registered capacity that the rules want: scale-in leaves this much.
        keep: the tasks that wait and would fit on what is there: scale-in leaves room for them.
        tries: the tries for what the pool may not be able to serve; None: as they were.
        front: the types that the pool should launch first, if it launches its types in an order; (): any.
    """

    add_units: int = 0
    to_undrain: tuple[str, ...] = ()
    is_open: bool = False
    reasons: tuple[Reason, ...] = ()
    reserve: Size = NOTHING
    keep: tuple[TaskShape, ...] = ()
    tries: Mapping[str, Tries] | None = None
    front: tuple[str, ...] = ()


def scale_out(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> ScaleOut:
    """Work out what all rules want together: one joint packing of their tasks, not a sum of their answers."""
    wants = wants_of(snapshot, state, thresholds)
    tasks = [task for want in wants for task in want.tasks]
    # Of places that are kept free, nothing is said while they are there.
    reasons: list[Reason] = [w.reason for w in wants if isinstance(w, TaskWant) and w.tasks != snapshot.spare]
    reasons += _not_capacity(snapshot, state, thresholds)
    reserve = largest(NOTHING, *(want.capacity for want in wants))
    shapes = shapes_of(snapshot, state)
    if not shapes:
        return _first_instance(tasks, reasons, reserve, snapshot, state)
    places = find_places(tasks, repeated_refusals(snapshot, state), shapes, snapshot, state)
    likely = next_shape(snapshot, state, shapes) or shapes[0]
    if not set(snapshot.spare) <= set(places.fitting):
        reasons.append(PlacesKept.of(snapshot.spare))
    taken_back, lacking = _take_back(wants, places, likely.size, snapshot)
    reasons += places.reasons
    if taken_back:
        reasons.append(TakenBack(len(taken_back)))
    reasons = _with_add(reasons, places.homeless, places.new)
    reasons += [one.reason for one in lacking]
    weight = snapshot.pool.weight(likely.name)
    return ScaleOut(
        max([places.units, *(units_to_ask(one.instances * weight) for one in lacking)]),
        tuple(i.arn for i in taken_back),
        places.waits or bool(lacking) or bool(taken_back) or _is_repeated(state, snapshot, places),
        tuple(reasons),
        reserve,
        places.fitting,
        places.tries,
        places.front,
    )


def _is_repeated(state: ScalingState, snapshot: Snapshot, places: Places) -> bool:
    """Whether a launcher's run is about to be placed: it would fit, or it fell silent a moment ago."""
    over = given_up(places.tries)
    runs = (task_of(d, state.run_shapes) for d in state.demands.values())
    served = Servable(snapshot, state.shapes, places.tries).of(runs)
    return any(f"RunTask {key_of(task)}" not in over for task in served)


def _first_instance(
    tasks: Sequence[TaskShape], reasons: list[Reason], reserve: Size, snapshot: Snapshot, state: ScalingState
) -> ScaleOut:
    """Add one instance to a pool that names no type and has had no instance: it shows how large they are."""
    left = place(tasks, room_on(snapshot.active, snapshot)).left_over
    add = 1 if left and not coming_units(snapshot, state) else 0
    return ScaleOut(add, (), bool(tasks or state.demands), tuple(_with_add(reasons, len(left), add)), reserve)


@dataclass(frozen=True, slots=True)
class _Lacking:
    """The capacity that a rule lacks: `instances` more, for this `reason`."""

    reason: Reason
    instances: int


def _take_back(
    wants: Sequence[Want], places: Places, one: Size, snapshot: Snapshot
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


def _lacking(wants: Iterable[Want], there: Size, one: Size) -> list[_Lacking]:
    """Return what each capacity want lacks of `there`, in instances of the size `one`."""
    found = []
    for want in wants:
        if not isinstance(want, CapacityWant) or want.is_met_by(there):
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
