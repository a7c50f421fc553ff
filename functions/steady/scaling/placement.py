"""Placement: on which instances ECS places tasks, which is not where they would fit most closely.

ECS spreads the tasks of a service unless the service says otherwise, and places the tasks of `RunTask` at random (ECS
Developer Guide, "Task placement strategies"). So a part of many instances stays free, and a large task finds no place
although all tasks together would fit. Random placement is taken as spread: in the mean, both fill the instances alike.

The services take turns, a task at a time: nobody knows which of them ECS serves first.
"""

import heapq
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from steady.cluster import Placement, Size, TaskShape
from steady.scaling.packing import instances_needed, lacking_room, largest_first, largest_of, pack, rooms_used
from steady.scaling.room import Room

# With more pairs of a shape and a room than this, a first fit stands in for ECS's placement: that would take seconds.
MOST_PAIRS = 100_000


@dataclass(frozen=True, slots=True)
class Placed:
    """The result of a placement: the tasks left over, and how many tasks the rooms of each key took."""

    left_over: tuple[TaskShape, ...]
    taken: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Needed:
    """The new rooms that tasks need.

    Attributes:
        rooms: how many.
        homeless: how many tasks will be placed in them.
        nowhere: the tasks that neither a new room nor any other can hold.
    """

    rooms: int
    homeless: int
    nowhere: tuple[TaskShape, ...]


def place(tasks: Iterable[TaskShape], rooms: Sequence[Room]) -> Placed:
    """Place `tasks` as ECS does, each by its own strategy, and return those that found no room. `rooms` change."""
    counts = Counter(largest_first(tasks, largest_of(rooms)))
    if not counts:
        return Placed((), {})
    least = Size(min(t.size.cpu_units for t in counts), min(t.size.memory_mib for t in counts))
    holding = [room for room in rooms if room.free.holds(least)]
    if len(counts) * len(holding) > MOST_PAIRS:
        return _first_fit(counts, holding)
    left_over: list[TaskShape] = []
    taken: Counter[str] = Counter()
    choices = {task: _Choice(task, holding, rooms) for task in counts}
    for task in _in_turns(counts):
        room = choices[task].next_room()
        if room is None:
            left_over.append(task)
            continue
        room.place(task)
        taken[room.key] += 1
    return Placed(tuple(left_over), taken)


def place_in_turn(tasks: Iterable[TaskShape], rooms: Sequence[Room]) -> tuple[TaskShape, ...]:
    """Place those of `tasks` that wait, and then those that stand for places that are kept free; `rooms` change.

    Returns:
        those that found no room.
    """
    every = list(tasks)
    waiting = place((task for task in every if not task.is_spare), rooms).left_over
    return (*waiting, *place((task for task in every if task.is_spare), rooms).left_over)


def _first_fit(counts: Counter[TaskShape], rooms: Sequence[Room]) -> Placed:
    before = [room.tasks for room in rooms]
    left_over = pack(counts.elements(), rooms).left_over
    taken: Counter[str] = Counter()
    for room, tasks in zip(rooms, before, strict=True):
        if room.tasks > tasks:
            taken[room.key] += room.tasks - tasks
    return Placed(left_over, taken)


def rooms_needed(tasks: Sequence[TaskShape], coming: Sequence[Room], empty: Room) -> Needed:
    """Return how many rooms such as `empty` the `tasks` need beside those that are `coming`.

    ECS places the tasks on as many rooms as the closest packing needs. Those that find no place there go on the next
    rooms, and so on. So the answer is 0 once the rooms that were asked for are among `coming`.
    """
    holds = {task: empty.holds(task) or any(room.holds(task) for room in coming) for task in dict.fromkeys(tasks)}
    left: Sequence[TaskShape] = [task for task in tasks if holds[task]]
    nowhere = [task for task in tasks if not holds[task]]
    rest, new, homeless = [room.copy() for room in coming], 0, 0
    while left:
        lacking = lacking_room(left, rest)
        more = instances_needed(lacking, empty)[0]
        count = len(rest) if lacking else rooms_used(left, rest)
        placed = place(left, [*rest[:count], *(empty.copy() for _ in range(more))])
        rest, new, homeless = rest[count:], new + more, homeless + placed.taken.get(empty.key, 0)
        if not count and not more:
            # Only a room that is full by now could hold them.
            nowhere += left
            break
        left = placed.left_over
    return Needed(new, homeless, tuple(nowhere))


class _Choice:
    """The room that ECS chooses next for a task of one shape, among those that hold it.

    The rooms are in a heap. The rank of a room may be out of date when it comes up, because other tasks were placed in
    it meanwhile: it is put back then.
    """

    def __init__(self, task: TaskShape, rooms: Iterable[Room], others: Iterable[Room]) -> None:
        self._task = task
        self._zones: Counter[str] = Counter()
        if task.spread_zones:
            for room in others:
                self._zones[room.zone] += room.groups[task.group]
        self._heap = [(self._rank(room), number, room) for number, room in enumerate(rooms) if room.holds(task)]
        heapq.heapify(self._heap)

    def next_room(self) -> Room | None:
        heap = self._heap
        while heap:
            rank, number, room = heap[0]
            if not room.holds(self._task):
                heapq.heappop(heap)
                continue
            now = self._rank(room)
            if now > rank:
                heapq.heapreplace(heap, (now, number, room))
                continue
            self._zones[room.zone] += 1
            return room
        return None

    def _rank(self, room: Room) -> tuple[int, int, int]:
        task, free = self._task, room.free
        zone = self._zones[room.zone] if task.spread_zones else 0
        if task.placement is Placement.BINPACK_MEMORY:
            return zone, free.memory_mib, free.cpu_units
        if task.placement is Placement.BINPACK_CPU:
            return zone, free.cpu_units, free.memory_mib
        return zone, room.groups[task.group], room.tasks


def _in_turns(counts: Mapping[TaskShape, int]) -> Iterator[TaskShape]:
    """Yield one task of each shape, then a second one of each, until all of `counts` were yielded.

    >>> list(_in_turns({"a": 2, "b": 1}))
    ['a', 'b', 'a']
    """
    for turn in itertools.count(1):
        waiting = [task for task, count in counts.items() if count >= turn]
        if not waiting:
            return
        yield from waiting
