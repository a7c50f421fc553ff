"""Where the tasks of all rules find their places: on what is there, what is coming, and what is to be asked for."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from steady.cluster import ContainerInstance, InstanceShape, Snapshot, TaskShape
from steady.pools import Pool, units_to_ask
from steady.scaling.placement import Needed, place, place_in_turn, rooms_needed
from steady.scaling.pool import launched_shapes, next_shape
from steady.scaling.reasons import FitsNoInstance, Reason
from steady.scaling.refusals import Refusal
from steady.scaling.room import Room, new_room, room_on
from steady.scaling.rules import ready_s
from steady.scaling.state import ScalingState
from steady.scaling.tries import MOST_TRIES, Tried, Tries, Verdict, given_up, judge, key_of
from steady.scaling.try_reasons import DemandGivenUp, NextTypeIsTooSmall, StillRefused
from steady.scaling.type_order import is_known


@dataclass(frozen=True, slots=True)
class Places:
    """Where tasks find their places.

    Attributes:
        used: the draining instances that take some of them.
        idle: the draining instances that take none.
        coming: the instances that are booting or still to be launched.
        units: the units to ask for.
        new: the number of instances that the `homeless` tasks need.
        homeless: how many tasks fit neither what is there nor what is coming, but fit a new instance.
        fitting: the tasks that fit on what is there.
        front: the types that the pool should launch first, for a task that the first one does not hold; (): any.
        waits: whether a task waits for an instance that is coming, or to be asked for.
        tries: the tries for what the pool may not be able to serve.
    """

    used: tuple[ContainerInstance, ...]
    idle: tuple[ContainerInstance, ...]
    coming: tuple[InstanceShape, ...]
    units: int
    new: int
    homeless: int
    fitting: tuple[TaskShape, ...]
    front: tuple[str, ...]
    waits: bool
    tries: Mapping[str, Tries]
    reasons: tuple[Reason, ...]


def find_places(
    tasks: Sequence[TaskShape],
    refusals: Sequence[Refusal],
    shapes: Sequence[InstanceShape],
    snapshot: Snapshot,
    state: ScalingState,
) -> Places:
    """Place `tasks` as ECS will, and say what to ask for.

    Args:
        refusals: what ECS has refused for longer than a look.
        shapes: what the pool's types offer; at least one.
    """
    left = place_in_turn(tasks, room_on(snapshot.active, snapshot))
    fitting = Counter(tasks) - Counter(left)
    # A draining instance can be had at once, one that is coming only once it has booted. What is coming is filled in
    # the same way as what is new: so the same tasks find the same places once their instances were asked for.
    spare = [i for i in snapshot.instances if i.arn in state.draining]
    back = place(left, room_on(spare, snapshot))
    pool = _Coming.of(shapes, snapshot, state)
    unplaced: Sequence[TaskShape] = ()
    if is_known(snapshot.pool, state):
        unplaced = place(back.left_over, [room.copy() for room in pool.launched]).left_over
    odd = pool.odd(back.left_over)
    easy = list((Counter(back.left_over) - Counter(odd)).elements())
    nowhere, misfits = _apart(place(odd, pool.launched).left_over, pool.rooms.values())
    lacking = Counter(misfits)
    refused = [one for one in refusals if fitting[one.task]]
    tries, verdicts = judge(
        state.tries,
        [*(Tried(key_of(task), lacks=count) for task, count in lacking.items()), *(one.tried for one in refused)],
        snapshot.at,
        ready_s(state),
    )
    units, needed = pool.ask(easy)
    tried = [task for task in misfits if verdicts[key_of(task)] is Verdict.ASK]
    more_units, more = pool.ask_larger(tried)
    alone = any(verdicts[one.tried.key] is Verdict.ASK for one in refused) and not units + more_units
    one_units = snapshot.pool.weight(pool.likely[0].name) if alone else 0
    over = {one.task for one in refused if verdicts[one.tried.key] is Verdict.GIVEN_UP}
    is_waited_for = any(verdicts[key_of(task)] is not Verdict.GIVEN_UP for task in misfits)
    return Places(
        tuple(i for i in spare if i.arn in back.taken),
        tuple(i for i in spare if i.arn not in back.taken),
        pool.coming,
        units + more_units + units_to_ask(one_units),
        needed.rooms + more.rooms,
        needed.homeless + more.homeless,
        tuple(task for task in fitting.elements() if task not in over),
        _front(pool, unplaced, [t for t in misfits if verdicts[key_of(t)] is not Verdict.GIVEN_UP], tries, state),
        bool(easy) or is_waited_for or len(back.left_over) < len(left),
        tries,
        (
            *(FitsNoInstance.of(task, shapes) for task in dict.fromkeys(nowhere)),
            *_reasons_of_misfits(misfits, verdicts, pool, tries),
            *_reasons_of_refusals(refused, verdicts, tries),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Coming:
    """What a pool brings.

    Attributes:
        rooms: the room on a new instance of each of its types.
        likely: the type that it launches next, or all types if that is not known.
        launched: the rooms of the instances that are booting.
        unlaunched: the units that are asked for and not launched yet.
        coming: the instances that are booting or still to be launched.
        pool: the pool itself.
    """

    rooms: Mapping[InstanceShape, Room]
    likely: Sequence[InstanceShape]
    launched: Sequence[Room]
    unlaunched: float
    coming: tuple[InstanceShape, ...]
    weight: Mapping[InstanceShape, float]
    pool: Pool

    @staticmethod
    def of(shapes: Sequence[InstanceShape], snapshot: Snapshot, state: ScalingState) -> "_Coming":
        known = next_shape(snapshot, state, shapes)
        likely = [known] if known else shapes
        launched, units = launched_shapes(snapshot, state, shapes)
        weight = {shape: snapshot.pool.weight(shape.name) for shape in shapes}
        return _Coming(
            {shape: new_room(shape, snapshot) for shape in shapes},
            likely,
            [new_room(shape, snapshot) for shape in launched],
            units,
            (*launched, *[likely[0]] * int(units // weight[likely[0]])),
            weight,
            snapshot.pool,
        )

    def odd(self, tasks: Sequence[TaskShape]) -> list[TaskShape]:
        """Return those of `tasks` that the next instance may not be able to hold."""
        rooms = [self.rooms[shape] for shape in self.likely]
        held = {task: all(room.holds(task) for room in rooms) for task in dict.fromkeys(tasks)}
        return [task for task in tasks if not held[task]]

    def ask(self, tasks: Sequence[TaskShape]) -> tuple[int, Needed]:
        """Return the units and the new instances that `tasks` need: the fewest units, where the next type is not known.

        What is still to be launched is taken for the same type. If another one comes, the next look sees it.
        """
        _, units, needed = self._fewest(tasks, self.likely, self.unlaunched, self.launched)
        return units, needed

    def ask_larger(self, tasks: Sequence[TaskShape]) -> tuple[int, Needed]:
        """Return the units and the new instances that `tasks` need, of the types that hold all or most of them."""
        _, units, needed = self._fewest(tasks, list(self.rooms), 0, ())
        return units, needed

    def fitting(self, tasks: Sequence[TaskShape], order: Sequence[str]) -> tuple[str, ...]:
        """Return the type on which `ask_larger` counts for `tasks`, and then those of `order` that hold some of them.

        EC2 may not have that type: then the next one of these comes, and none that holds none of the tasks.
        """
        best, counts = self._fewest(tasks, list(self.rooms), 0, ())[0], Counter(tasks)
        held = {
            type_: sum(count for task, count in counts.items() if room.holds(task))
            for type_ in order
            if (room := self.room_of(type_))
        }
        others = sorted((type_ for type_ in held if type_ != best and held[type_]), key=lambda type_: -held[type_])
        return (best, *others) if best else ()

    def room_of(self, type_: str) -> Room | None:
        """Return the room on a new instance of this type, if it is one of the pool's."""
        return next((room for shape, room in self.rooms.items() if shape.name == type_), None)

    def _fewest(
        self, tasks: Sequence[TaskShape], shapes: Sequence[InstanceShape], unlaunched: float, launched: Sequence[Room]
    ) -> tuple[str, int, Needed]:
        if not tasks:
            return "", 0, Needed(0, 0, ())
        found = []
        for shape in shapes:
            room, weight = self.rooms[shape], self.weight[shape]
            needed = rooms_needed(tasks, [*launched, *[room] * int(unlaunched // weight)], room)
            found.append((len(needed.nowhere), needed.rooms * weight, needed.rooms, shape.name, needed))
        _, units, _, name, needed = min(found, key=lambda one: one[:4])
        return name, units_to_ask(units), needed


def _front(
    pool: _Coming,
    unplaced: Sequence[TaskShape],
    misfits: Sequence[TaskShape],
    tries: Mapping[str, Tries],
    state: ScalingState,
) -> tuple[str, ...]:
    """Return the types that a pool with an order should launch first; () if the order may be the operator's.

    A type that was put first stays there until the tasks for which it was have an instance that boots, or are given up;
    but another task that waits must not find the only types that hold it behind the operator's first one.

    Args:
        unplaced: the tasks that fit on nothing that is registered, or that boots.
        misfits: those for which something is asked, although the next instance may not hold them.
    """
    outside, order = misfits, pool.pool.order
    if is_known(pool.pool, state):
        order = state.order_before
        own, now = (pool.room_of(order[0]) for order in (state.order_before, pool.pool.order))
        over = given_up(tries)
        outside, _ = _apart((task for task in unplaced if key_of(task) not in over), [own] if own else [])
        behind = pool.pool.order[pool.pool.order.index(order[0]) :]
        late = [room for type_ in behind if (room := pool.room_of(type_))]
        if any(now.holds(task) for task in outside if now) and not _apart(outside, late)[1]:
            return pool.pool.order
    return pool.fitting(outside, order) if order else ()


def _choice_of(fits: str, pool: Pool) -> str:
    """Say how an operator lets the pool launch the type `fits`, and no smaller one."""
    if pool.order:
        return f"set type_order to fitting, put {fits} first in the group's overrides"
    return f"leave only types that hold it, such as {fits}, in the pool's overrides"


def _apart(tasks: Iterable[TaskShape], rooms: Iterable[Room]) -> tuple[list[TaskShape], list[TaskShape]]:
    """Return the tasks that no room can hold, and the others."""
    every = list(rooms)
    nowhere: list[TaskShape] = []
    held: list[TaskShape] = []
    for task in tasks:
        (held if any(room.holds(task) for room in every) else nowhere).append(task)
    return nowhere, held


def _reasons_of_misfits(
    misfits: Iterable[TaskShape], verdicts: Mapping[str, Verdict], pool: _Coming, tries: Mapping[str, Tries]
) -> list[Reason]:
    reasons: list[Reason] = []
    for task in dict.fromkeys(misfits):
        key = key_of(task)
        fits = min((s for s, room in pool.rooms.items() if room.holds(task)), key=lambda s: pool.weight[s]).name
        comes = " or ".join(sorted(s.name for s in pool.likely if not pool.rooms[s].holds(task)))
        if verdicts[key] is Verdict.GIVEN_UP:
            way_out = f"{_choice_of(fits, pool.pool)}, or run it on a cluster of its own"
            why = f"the pool launches {comes}, which does not hold it"
            reasons.append(DemandGivenUp(f"a task of {key}", MOST_TRIES, why, way_out))
        else:
            reasons.append(NextTypeIsTooSmall(key, fits, comes, tries[key].asked))
    return reasons


def _reasons_of_refusals(
    refused: Iterable[Refusal], verdicts: Mapping[str, Verdict], tries: Mapping[str, Tries]
) -> list[Reason]:
    reasons: list[Reason] = []
    for one in refused:
        key = one.tried.key
        if verdicts[key] is Verdict.GIVEN_UP:
            why = "ECS refuses it although CPU and memory are free, also on new instances"
            way_out = f"look at {one.look_at}"
            reasons.append(DemandGivenUp(one.text, MOST_TRIES, why, way_out))
        elif verdicts[key] is Verdict.ASK:
            reasons.append(StillRefused(one.text, tries[key].asked))
    return reasons
