"""Expanders: which pool grows for the tasks that find no place, as the threshold `expander` says.

The names and the meanings of `priority` and `least-waste` are those of Kubernetes' cluster-autoscaler (its FAQ, "What
are expanders?").
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from steady.cluster import InstanceShape, TaskShape
from steady.scaling.candidate import Candidate
from steady.scaling.cheapest import by_price
from steady.scaling.packing import instances_needed
from steady.scaling.placement import place, rooms_needed

Tasks = Counter[TaskShape]
Expander = Callable[[Tasks, Sequence[Candidate]], Mapping[str, Tasks]]


def by_priority(tasks: Tasks, candidates: Sequence[Candidate]) -> Mapping[str, Tasks]:
    """Return the tasks of each pool: all that the pool with the highest priority holds, then the next one, and so on.

    Args:
        candidates: the pools, that with the highest priority first.
    """
    return _in_turn(tasks, lambda left, open_: open_[0], candidates)


def by_least_waste(tasks: Tasks, candidates: Sequence[Candidate]) -> Mapping[str, Tasks]:
    """Return the tasks of each pool: each time the pool grows whose new instances keep the least CPU and memory idle.

    Args:
        candidates: the pools, that with the highest priority first: it decides between equals.
    """

    def best(left: Tasks, open_: Sequence[Candidate]) -> Candidate:
        return min(open_, key=lambda one: _waste(one, _held_by(one, left)))

    return _in_turn(tasks, best, candidates)


def _in_turn(
    tasks: Tasks, choose: Callable[[Tasks, Sequence[Candidate]], Candidate], candidates: Sequence[Candidate]
) -> Mapping[str, Tasks]:
    """Give each chosen pool what it holds of the tasks that are left, within its bounds, until no pool takes more."""
    left, found = Counter(tasks), {one.name: Tasks() for one in candidates}
    units = {one.name: float(one.units_left) for one in candidates}
    open_ = list(candidates)
    while +left and (able := [one for one in open_ if _held_by(one, left)]):
        one = choose(left, able)
        taken, used = _within(one, _held_by(one, left), units[one.name])
        open_.remove(one)
        units[one.name] -= used
        found[one.name] += taken
        left -= taken
    return found


def _held_by(one: Candidate, left: Tasks) -> Tasks:
    """Return the tasks that the pool's next instance holds; if it holds none, those that one of its types does."""
    held = Tasks({task: count for task, count in left.items() if count > 0 and one.holds(task)})
    return held or Tasks({task: count for task, count in left.items() if count > 0 and one.may_hold(task)})


def _within(one: Candidate, tasks: Tasks, units: float) -> tuple[Tasks, float]:
    """Return those of `tasks` that the pool holds with so many more `units`, and the units that they need."""
    if not one.shapes:
        return tasks, 0.0
    shape = _fitting(one, tasks)
    empty, weight = one.rooms[shape], one.weight(shape)
    needed = rooms_needed(list(tasks.elements()), (), empty)
    if needed.rooms * weight <= units:
        return tasks, needed.rooms * weight
    rooms = [empty.copy() for _ in range(int(units // weight))]
    over = Counter(place(tasks.elements(), rooms).left_over)
    return tasks - over, len(rooms) * weight


def _fitting(one: Candidate, tasks: Tasks) -> InstanceShape:
    """Return the shape by which the pool's growth for `tasks` is reckoned: of those that hold most, the likeliest."""
    shapes = dict.fromkeys((*one.likely, *one.shapes))
    return max(shapes, key=lambda shape: sum(count for task, count in tasks.items() if one.rooms[shape].holds(task)))


def _waste(one: Candidate, tasks: Tasks) -> float:
    """Return the idle fraction of CPU and memory together, 0 to 2, on the new instances that `tasks` need."""
    if not one.shapes:
        return 0.0
    shape = _fitting(one, tasks)
    size, count = shape.size, instances_needed(list(tasks.elements()), one.rooms[shape])[0]
    cpu = sum(task.size.cpu_units * number for task, number in tasks.items())
    memory = sum(task.size.memory_mib * number for task, number in tasks.items())
    return 2 - cpu / max(1, size.cpu_units * count) - memory / max(1, size.memory_mib * count)


EXPANDERS: Mapping[str, Expander] = {"price": by_price, "priority": by_priority, "least-waste": by_least_waste}
