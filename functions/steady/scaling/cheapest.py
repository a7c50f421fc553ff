"""The expander `price`: which instances of which pools hold all tasks that wait for the fewest dollars an hour.

This is bin packing with bins of several sizes and prices, which no quick method solves exactly. An instance is worth
what its tasks are worth; a task is worth its part of the cheapest instance that holds it. So the instance is chosen
whose price is the lowest for its worth, again and again. Then parts of the choice are taken back and chosen anew, with
the worth that the tasks had in the best choice so far (ruin and recreate: Schrimpf, Schneider, Stamm-Wilbrandt and
Dueck, "Record Breaking Optimization Results Using the Ruin and Recreate Principle", 2000). `steady bench pools` holds
the result against the optimum of an integer program.
"""

import math
import operator
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from steady.cluster import TaskShape
from steady.scaling.candidate import Candidate
from steady.scaling.room import Room

Tasks = Counter[TaskShape]
# Of each choice, the number of an option and the tasks on one instance of it, for each instance.
Filling = tuple[int, ...]
Choice = Sequence[tuple[int, Filling]]
# How often a part of the choice is chosen anew, and how many tasks' kinds all fillings may look at: some tenths of a
# second.
ROUNDS = 1500
MOST_LOOKED_AT = 400_000
# So many instances at most are chosen anew at a time.
MOST_CHANGED = 8
# A choice that is dearer than the best one by this fraction is still worked on.
WORSE = 0.04
# By which fraction worths and prices are drawn off what they are, so that other instances are tried.
SPREAD = 0.3
# How many kinds of tasks an instance is to hold fewer of than it could.
CAPPED = 0.3
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
    return _Search(tasks, options, units).bought()


class _Search:
    """The search for the cheapest choice: in plain numbers, since it looks at some ten thousand fillings.

    A filling is a tuple of counts, one for each kind of task.
    """

    def __init__(self, tasks: Tasks, options: Sequence[Option], units: Mapping[str, float]) -> None:
        kinds = [task for task, count in tasks.items() if count > 0 and any(one.holds(task) for one in options)]
        self._kinds = sorted(kinds, key=lambda task: (-task.size.memory_mib, -task.size.cpu_units, repr(task)))
        self._options = [one for one in options if any(map(one.holds, kinds))]
        self._units = units
        self._counts = [tasks[task] for task in self._kinds]
        self._most = [[_most_on(one, task) for task in self._kinds] for one in self._options]
        # Of each option, which part of it one task of each kind takes.
        self._part = [[_part_of(one, task) for task in self._kinds] for one in self._options]
        self._worth = [
            min(one.price * part[kind] for one, part, most in self._each_option() if most[kind])
            for kind in range(len(self._kinds))
        ]
        self._prices = [one.price for one in self._options]
        self._looked_at = 0
        self._draws = _draws()

    def bought(self) -> list[Bought]:
        best = self._filled(self._counts, dict(self._units), self._worth, self._prices)
        now = best
        for _ in range(ROUNDS if best else 0):
            if self._looked_at > MOST_LOOKED_AT:
                break
            tried = self._changed(now)
            lacks, usd = self._value(tried)
            if (lacks, usd) < self._value(best):
                best = tried
            # A little worse is kept, too: else the search ends at the first choice that no small change improves.
            if (lacks, usd * (1 - WORSE)) < self._value(best):
                now = tried
        return [
            Bought(
                self._options[option],
                tuple((task, count) for task, count in zip(self._kinds, filling, strict=True) if count),
            )
            for option, filling in best
        ]

    def _each_option(self) -> list[tuple[Option, list[float], list[int]]]:
        return list(zip(self._options, self._part, self._most, strict=True))

    def _value(self, choice: Choice) -> tuple[int, float]:
        """Return how many tasks the choice leaves out, and its price: the less, the better."""
        held = sum(sum(filling) for _, filling in choice)
        return sum(self._counts) - held, round(sum(self._options[option].price for option, _ in choice), 9)

    def _changed(self, choice: Choice) -> Choice:
        """Return the choice with a few of its instances chosen anew: any, or those that are used the least."""
        drawn, count = self._draws, len(choice)
        some = 1 + int(next(drawn) * min(MOST_CHANGED, count)) if next(drawn) < 0.9 else count
        # Half of the time, how much of an instance is used counts more than chance.
        weight = next(drawn) < 0.5
        ranks = [(self._use(*one) if weight else 0.0) + 0.3 * next(drawn) for one in choice]
        taken_back = set(sorted(range(count), key=ranks.__getitem__)[:some])
        kept = [one for index, one in enumerate(choice) if index not in taken_back]
        left, units = list(self._counts), dict(self._units)
        for option, filling in kept:
            units[self._options[option].pool] -= self._options[option].weight
            for kind, number in enumerate(filling):
                left[kind] -= number
        filled_up = self._with_filled_up(kept, left) if next(drawn) < 0.5 else kept
        worth = [usd * (1 - SPREAD + 2 * SPREAD * next(drawn)) for usd in self._worth]
        prices = [usd * (1 - SPREAD + 2 * SPREAD * next(drawn)) for usd in self._prices]
        caps = [max(1, int(next(drawn) * count)) if next(drawn) < CAPPED else count for count in left]
        return [*filled_up, *self._filled(left, units, worth, prices, caps)]

    def _with_filled_up(self, choice: Choice, left: list[int]) -> Choice:
        """Put what fits of `left` on instances that have room. `left` becomes less."""
        found = []
        for option, filling in choice:
            more = self._filling(option, left, self._worth, filling)
            if any(more):
                for kind, number in enumerate(more):
                    left[kind] -= number
                found.append((option, tuple(map(operator.add, filling, more))))
            else:
                found.append((option, filling))
        return found

    def _use(self, option: int, filling: Filling) -> float:
        return sum(part * count for part, count in zip(self._part[option], filling, strict=True))

    def _filled(
        self,
        left: Sequence[int],
        units: dict[str, float],
        worth: Sequence[float],
        prices: Sequence[float],
        caps: Sequence[int] = (),
    ) -> Choice:
        """Choose the option with the lowest price for its worth, as often as its tasks last, until no task is left."""
        left = list(left)
        choice: list[tuple[int, Filling]] = []
        while any(left):
            best, found = math.inf, None
            for number, one in enumerate(self._options):
                if one.weight > units[one.pool]:
                    continue
                filling = self._filling(
                    number, [min(pair) for pair in zip(left, caps, strict=True)] if caps else left, worth
                )
                value = sum(map(operator.mul, worth, filling))
                if value and prices[number] / value < best - 1e-12:
                    best, found = prices[number] / value, (number, filling)
            if found is None:
                break
            number, filling = found
            one = self._options[number]
            times = min(left[kind] // count for kind, count in enumerate(filling) if count)
            times = min(times, int(units[one.pool] // one.weight))
            choice += [found] * times
            units[one.pool] -= times * one.weight
            for kind, count in enumerate(filling):
                left[kind] -= times * count
        return choice

    def _filling(self, option: int, left: Sequence[int], worth: Sequence[float], filled: Filling = ()) -> Filling:
        """Return what an instance takes of `left`: those first that are worth most for the part that they take.

        Args:
            filled: what it holds already.
        """
        self._looked_at += len(left)
        room, most, part = self._options[option].room, self._most[option], self._part[option]
        cpu, memory, gpus, enis = room.free.cpu_units, room.free.memory_mib, room.gpus, room.enis
        for task, count in zip(self._kinds, filled, strict=False):
            cpu, memory = cpu - task.size.cpu_units * count, memory - task.size.memory_mib * count
            gpus, enis = gpus - task.gpus * count, None if enis is None else enis - task.enis * count
        ports = {port for task, count in zip(self._kinds, filled, strict=False) if count for port in task.ports}
        found = [0] * len(left)
        by_density = sorted(
            (kind for kind, count in enumerate(left) if count and most[kind]),
            key=lambda kind: -worth[kind] / part[kind],
        )
        for kind in by_density:
            task, size = self._kinds[kind], self._kinds[kind].size
            count = min(left[kind], most[kind] - (filled[kind] if filled else 0))
            count = min(count, cpu // size.cpu_units) if size.cpu_units else count
            count = min(count, memory // size.memory_mib) if size.memory_mib else count
            count = min(count, gpus // task.gpus) if task.gpus else count
            count = min(count, enis // task.enis) if task.enis and enis is not None else count
            if count > 0 and ports.isdisjoint(task.ports):
                found[kind] = count
                ports |= task.ports
                cpu, memory = cpu - count * size.cpu_units, memory - count * size.memory_mib
                gpus, enis = gpus - count * task.gpus, None if enis is None else enis - count * task.enis
        return tuple(found)


def _draws() -> Iterator[float]:
    """Yield numbers from 0 to 1 as if drawn, the same each time, so that the same tasks get the same instances.

    They are those of a linear congruential generator (Knuth, "The Art of Computer Programming", volume 2, 3.3.4, the
    multiplier and the increment of MMIX); the upper bits alone are used.
    """
    state = 1
    while True:
        state = (6364136223846793005 * state + 1442695040888963407) % 2**64
        yield (state >> 32) / 2**32


def _most_on(option: Option, task: TaskShape) -> int:
    """Return how many tasks of this kind an instance holds beside no others."""
    if not option.holds(task):
        return 0
    return 1 if task.ports or task.distinct else MOST_ON_ONE


def _part_of(option: Option, task: TaskShape) -> float:
    """Return the largest part of the instance's CPU, memory or GPUs that `task` takes."""
    room = option.room
    cpu = task.size.cpu_units / max(1, room.free.cpu_units)
    return max(cpu, task.size.memory_mib / max(1, room.free.memory_mib), task.gpus / max(1, room.gpus), 1e-9)
