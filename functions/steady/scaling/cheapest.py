"""The expander `price`: which instances of which pools hold all tasks that wait for the fewest dollars an hour.

This is bin packing with bins of several sizes and prices, which no quick method solves exactly. A first choice is made
by what tasks are worth, and bettered in turns in two ways: by choosing a part of it anew
(`steady.scaling.ruin_and_recreate`), and by exchanging instances for cheaper ones on which all tasks can be packed
(`steady.scaling.exchange`). `steady bench pools` holds the result against the optimum of an integer program.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steady.cluster import TaskShape
from steady.scaling.candidate import Candidate
from steady.scaling.choice import NOT_LIMITED, Kind, Offer, Problem, Search
from steady.scaling.exchange import exchanged
from steady.scaling.room import Room
from steady.scaling.ruin_and_recreate import Recreation

Tasks = Counter[TaskShape]
# How often the two ways take turns. In a turn, how often each of them tries, and how many numbers it may look at: the
# latter ends it where there are many kinds of tasks, after some tenths of a second in all.
TURNS = 4
RECREATED, EXCHANGED = 300, 700
MOST_RECREATED, MOST_EXCHANGED = 60_000, 250_000
# No instance takes more tasks (ECS Developer Guide, "Service quotas": far fewer).
MOST_ON_ONE = 100_000


@dataclass(frozen=True, slots=True)
class Option:
    """An instance that a pool may launch next.

    Attributes:
        price: USD an hour.
        weight: how many units of its pool it counts.
        may_hold: the tasks that ECS may place on it, if there is room.
    """

    pool: str
    room: Room
    price: float
    weight: float
    may_hold: frozenset[TaskShape]

    def holds(self, task: TaskShape) -> bool:
        """Whether ECS could place `task` on it while it is empty."""
        return task in self.may_hold and self.room.holds(task)


@dataclass(frozen=True, slots=True)
class Bought:
    """One new instance, and the tasks that it holds."""

    option: Option
    tasks: tuple[tuple[TaskShape, int], ...]


def by_price(tasks: Tasks, candidates: Sequence[Candidate]) -> Mapping[str, Tasks]:
    """Return the tasks of each pool: those on its instances in the cheapest choice that was found."""
    found = {one.name: Tasks() for one in candidates}
    options = options_of(tasks, candidates)
    units = {one.name: float(one.units_left) for one in candidates}
    held = Tasks(
        {task: count for task, count in tasks.items() if any(one.shapes and one.holds(task) for one in candidates)}
    )
    for bought in cheapest(held, options, units):
        found[bought.option.pool].update(dict(bought.tasks))
    _give_rest(tasks, candidates, found)
    return found


def options_of(tasks: Tasks, candidates: Sequence[Candidate]) -> list[Option]:
    """Return the instances that the pools may launch next."""
    return [
        Option(one.name, one.rooms[shape], one.price(shape), one.weight(shape), frozenset(filter(one.holds, tasks)))
        for one in candidates
        for shape in one.likely
    ]


def _give_rest(tasks: Tasks, candidates: Sequence[Candidate], found: Mapping[str, Tasks]) -> None:
    """Give what no pool's next instance holds to the first pool of which another type may hold it."""
    left = tasks - sum(found.values(), Tasks())
    for task, count in left.items():
        able = [one for one in candidates if one.may_hold(task) and not (one.shapes and one.holds(task))]
        if able:
            found[able[0].name][task] += count


def cheapest(tasks: Tasks, options: Sequence[Option], units: Mapping[str, float]) -> list[Bought]:
    """Return the instances that hold `tasks` for the fewest dollars, as far as was found.

    Tasks that no option holds, or that the pools' `units` do not suffice for, are left out. The answer is the same for
    the same arguments.

    Args:
        units: how many units each pool may add, by its name.
    """
    kinds = [task for task, count in tasks.items() if count > 0 and any(one.holds(task) for one in options)]
    kinds.sort(key=lambda task: (-task.size.memory_mib, -task.size.cpu_units, repr(task)))
    able = [one for one in options if any(map(one.holds, kinds))]
    if not able:
        return []
    search = Search(Problem([_kind(task, tasks[task]) for task in kinds], [_offer(one, kinds) for one in able], units))
    recreation = Recreation(search)
    best = recreation.first()
    for _ in range(TURNS):
        best = recreation.better(best, RECREATED, search.looked_at + MOST_RECREATED)
        best = exchanged(search, best, EXCHANGED, search.looked_at + MOST_EXCHANGED)
    return [
        Bought(able[offer], tuple((task, count) for task, count in zip(kinds, filling, strict=True) if count))
        for offer, filling in best
    ]


def _kind(task: TaskShape, count: int) -> Kind:
    return Kind(count, (task.size.cpu_units, task.size.memory_mib, task.gpus, task.enis), task.ports)


def _offer(one: Option, kinds: Sequence[TaskShape]) -> Offer:
    room = one.room
    enis = NOT_LIMITED if room.enis is None else room.enis
    has = (room.free.cpu_units, room.free.memory_mib, room.gpus, enis)
    return Offer(one.pool, one.price, one.weight, has, [_most_on(one, task) for task in kinds])


def _most_on(option: Option, task: TaskShape) -> int:
    """Return how many tasks of this kind an instance holds beside no others."""
    if not option.holds(task):
        return 0
    return 1 if task.ports or task.distinct else MOST_ON_ONE
