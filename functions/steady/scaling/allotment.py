"""Allot what waits in a cluster to its pools: first to what is there and what is coming, the rest to pools that grow.

A task goes to a pool that can hold it by ECS's placement. Which of these grows is chosen by the threshold `expander`
(`steady.scaling.expander`). A pool that does not deliver is passed over, unless no other pool holds the task. A task
that has waited for such a pool goes to an on-demand pool, if one holds it: while one Spot pool is short, the next one
may be short, too, and the task would wait for each of them in turn.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from steady.cluster import TaskShape
from steady.scaling.candidate import Candidate
from steady.scaling.expander import EXPANDERS
from steady.scaling.mix import is_on_demand, to_be_on_demand
from steady.scaling.placement import place, place_in_turn, rooms_needed
from steady.scaling.room import Room
from steady.scaling.tries import key_of
from steady.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Allotment:
    """The tasks of each pool, by the pool's name.

    Attributes:
        expected: how many tasks of each pool wait for instances that are coming, or to be asked for, by what they need.
        needed: the pools that are passed over, and get tasks nevertheless: no other pool holds these.
        candidates: the pools, in the order in which they are asked.
    """

    tasks: Mapping[str, Counter[TaskShape]]
    expected: Mapping[str, Mapping[str, int]]
    needed: frozenset[str] = frozenset()
    candidates: Sequence[Candidate] = field(default=(), repr=False)

    def home_of(self, task: TaskShape) -> str:
        """Return the pool for a task that waits for no place now: the first that could hold it, or else the first."""
        return next((one.name for one in self.candidates if one.holds(task)), self.candidates[0].name)


def allot(tasks: Counter[TaskShape], candidates: Sequence[Candidate], thresholds: Thresholds) -> Allotment:
    """Return which pool is to hold which of `tasks`; each task is given to one pool."""
    order = sorted(candidates, key=lambda one: (-one.priority, one.name))
    left = Counter(tasks)
    found = {one.name: Counter[TaskShape]() for one in order}

    def give(one: Candidate, taken: Counter[TaskShape]) -> None:
        found[one.name].update(taken)
        left.subtract(taken)

    well = [one for one in order if not one.is_passed_over]
    ill = [one for one in order if one.is_passed_over]
    # What is there counts for all pools before what is drained, and that before what is still coming.
    for one in order:
        give(one, _held(one, left, one.there()))
    for one in order:
        give(one, _held(one, left, one.drained()))
    placed = {name: Counter(of_pool) for name, of_pool in found.items()}
    kept = {one.name: _expected_by(one, left) for one in well}
    for one in well:
        give(one, kept[one.name] & +left)
    for one in well:
        give(one, _further(one, found[one.name] - placed[one.name], left))
    expand = EXPANDERS[thresholds.expander]
    dear = to_be_on_demand(left, candidates, thresholds.on_demand_share) | _let_down(left, ill)
    for some, pools in ((dear, list(filter(is_on_demand, well))), (None, well)):
        for name, taken in expand(+left if some is None else some, pools).items():
            found[name].update(taken)
            left.subtract(taken)
    # Nobody waits for the places that are kept free: what no pool may add for them is left out.
    left = Counter({task: count for task, count in (+left).items() if not task.is_spare})
    needed = set()
    for one in (*ill, *well):
        # Only a pool that is passed over holds them; or every pool is at its maximum, and one of them says so.
        taken = Counter({task: count for task, count in (+left).items() if one.may_hold(task)})
        if taken:
            give(one, taken)
            needed.add(one.name)
    give(order[0], +left)
    expected = {name: _by_need(of_pool - placed[name]) for name, of_pool in found.items()}
    return Allotment(found, expected, frozenset(needed), order)


def _by_need(tasks: Counter[TaskShape]) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for task, count in tasks.items():
        counts[key_of(task)] += count
    return dict(counts)


def _held(one: Candidate, left: Counter[TaskShape], rooms: Sequence[Room]) -> Counter[TaskShape]:
    """Return those of the tasks `left` that find their place in `rooms`, as ECS places them."""
    tasks = [task for task in (+left).elements() if one.serves(task)]
    if not tasks or not rooms:
        return Counter()
    return Counter(tasks) - Counter(place_in_turn(tasks, rooms))


def _expected_by(one: Candidate, left: Counter[TaskShape]) -> Counter[TaskShape]:
    """Return those of the tasks `left` for which the pool's coming instances were asked for.

    Other pools' instances may have room for them by now. But if tasks changed places, ECS's placement might need an
    instance more in one pool than was asked for, and one less in another.
    """
    kept: Counter[TaskShape] = Counter()
    if one.coming():
        counts = dict(one.state.expected)
        for task, count in (+left).items():
            kept[task] = min(count, counts.get(key_of(task), 0)) if one.may_hold(task) else 0
            counts[key_of(task)] = counts.get(key_of(task), 0) - kept[task]
    return kept


def _let_down(left: Counter[TaskShape], ill: Sequence[Candidate]) -> Counter[TaskShape]:
    """Return those of the tasks `left` that were to be placed on the coming instances of pools that do not deliver."""
    counts: Counter[str] = sum((Counter(one.state.expected) for one in ill), Counter())
    found: Counter[TaskShape] = Counter()
    for task, count in (+left).items():
        if not task.is_spare:
            found[task] = min(count, counts[key_of(task)])
            counts[key_of(task)] -= found[task]
    return +found


def _further(one: Candidate, kept: Counter[TaskShape], left: Counter[TaskShape]) -> Counter[TaskShape]:
    """Return those of the tasks `left` that the pool's coming instances hold beside the tasks `kept`.

    There are none if the pool had to be asked for more then.
    """
    coming = one.coming()
    if not coming:
        return Counter()
    rooms = [room.copy() for room in coming]
    place(kept.elements(), rooms)
    more = _held(one, left, rooms)
    together, empty = [*kept.elements(), *more.elements()], one.rooms[one.likely[0]]
    return more if more and not rooms_needed(together, coming, empty).rooms else Counter()
