"""Packing: where tasks fit, on the room that is left and on instances still to come.

Packing considers what ECS considers when it places a task: CPU, memory, GPUs, host ports, network interfaces, the
constraints distinctInstance and memberOf, and the spread over zones.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from steady.cluster import NOTHING, Size, TaskShape, largest
from steady.scaling.room import Room

# A vCPU comes with 2 to 8 GiB on the common instance types; 4 makes the two comparable.
COMMON = Size(1024, 4096)
# After this many tasks, rooms that hold none of the rest are no longer tried.
TIDIED_EACH = 512
# The most that the closer packing may compare: some tenths of a second.
MOST_LOOKED_AT = 100_000


@dataclass(frozen=True, slots=True)
class Packing:
    """The result of a packing: the tasks left over, and the keys of the rooms that took at least one."""

    left_over: tuple[TaskShape, ...]
    used: frozenset[str]


def pack(tasks: Iterable[TaskShape], rooms: Sequence[Room], whole: Size = COMMON) -> Packing:
    """Place each task in the first room that holds it, the largest tasks first. `rooms` change.

    Args:
        whole: the size that tasks are compared with to say which is larger.
    """
    left_over = []
    used = set()
    fit = _FirstFit(rooms)
    for task in fit.in_turn(largest_first(tasks, whole)):
        room = _least_of_its_zone(task, rooms) if task.spread_zones else fit.room_for(task)
        if room is None:
            left_over.append(task)
            continue
        room.place(task)
        used.add(room.key)
    return Packing(tuple(left_over), frozenset(used))


class _FirstFit:
    """Find the first room that holds a task, without trying a room again for a shape that it could not hold."""

    def __init__(self, rooms: Iterable[Room]) -> None:
        self.rooms = list(rooms)
        # The first room that may hold each shape: the rooms before it had no place for the shape.
        self._tried: dict[TaskShape, int] = {}

    def in_turn(self, tasks: Sequence[TaskShape]) -> Iterator[TaskShape]:
        """Yield `tasks`, and drop the rooms that hold none of the rest, once for every `TIDIED_EACH` tasks."""
        for begin in range(0, len(tasks), TIDIED_EACH):
            if begin:
                self._tidy(tasks[begin:])
            yield from tasks[begin : begin + TIDIED_EACH]

    def _tidy(self, rest: Sequence[TaskShape]) -> None:
        least = Size(min(t.size.cpu_units for t in rest), min(t.size.memory_mib for t in rest))
        holding = [room for room in self.rooms if room.free.holds(least)]
        if len(holding) < len(self.rooms):
            self.rooms = holding
            self._tried.clear()

    def room_for(self, task: TaskShape) -> Room | None:
        rooms, index = self.rooms, self._tried.get(task, 0)
        while index < len(rooms) and not rooms[index].holds(task):
            index += 1
        self._tried[task] = index
        return rooms[index] if index < len(rooms) else None


def lacking_room(tasks: Sequence[TaskShape], rooms: Sequence[Room]) -> tuple[TaskShape, ...]:
    """Return the tasks that find no place in `rooms`: the fewer of two packings. `rooms` stay as they are.

    Rooms that `instances_needed` says are enough for `tasks` leave none over here.
    """
    if not tasks or not rooms:
        return tuple(tasks)
    left = pack(tasks, [room.copy() for room in rooms], largest_of(rooms)).left_over
    if not left:
        return ()
    filled = _filled(tasks, [(room, len(list(alike))) for room, alike in itertools.groupby(rooms)])
    return min(left, tuple(filled.left.elements()), key=len) if filled else left


def instances_needed(tasks: Sequence[TaskShape], empty: Room) -> tuple[int, tuple[TaskShape, ...]]:
    """Return how many instances such as `empty` hold `tasks`, and the tasks that no such instance can hold."""
    fits = {task: empty.holds(task) for task in dict.fromkeys(tasks)}
    small = [task for task in tasks if fits[task]]
    count = _opened(small, empty)
    filled = _filled(small, [(empty, len(small))])
    return min(count, filled.used) if filled else count, tuple(task for task in tasks if not fits[task])


def rooms_used(tasks: Sequence[TaskShape], rooms: Sequence[Room]) -> int:
    """Return how many of `rooms`, from the first one on, hold all of `tasks`; `lacking_room` finds none over."""
    packed = [room.copy() for room in rooms]
    pack(tasks, packed, largest_of(rooms))
    used = max((n for n, (room, before) in enumerate(zip(packed, rooms, strict=True), 1) if room != before), default=0)
    filled = _filled(tasks, [(room, len(list(alike))) for room, alike in itertools.groupby(rooms)])
    return min(used, filled.used) if filled and not filled.left else used


def _opened(tasks: Iterable[TaskShape], empty: Room) -> int:
    """Count the rooms such as `empty` that a first fit of `tasks`, the largest first, opens."""
    opened = 0
    fit = _FirstFit(())
    for task in fit.in_turn(largest_first(tasks, empty.free)):
        room = fit.room_for(task)
        if room is None:
            opened += 1
            room = empty.copy()
            fit.rooms.append(room)
        room.place(task)
    return opened


class _Filled(NamedTuple):
    left: Counter[TaskShape]
    used: int


def _filled(tasks: Iterable[TaskShape], rooms: Iterable[tuple[Room, int]]) -> _Filled | None:
    """Fill one room after the other: return which tasks are left, and how many rooms were used.

    None if the tasks have too many shapes: hardly two tasks are alike then, and nothing is gained.

    Args:
        rooms: each room with how many equal ones there are; equal rooms are filled alike while the tasks last.
    """
    left = Counter(tasks)
    used = looked_at = 0
    for room, alike in rooms:
        while alike and left:
            taken = _filling(left, room)
            looked_at += len(left) * (taken.total() + 1)
            if looked_at > MOST_LOOKED_AT:
                return None
            if not taken:
                break
            times = min(alike, *(left[task] // count for task, count in taken.items()))
            left -= Counter({task: count * times for task, count in taken.items()})
            alike -= times
            used += times
    return _Filled(left, used)


def _filling(left: Counter[TaskShape], room: Room) -> Counter[TaskShape]:
    """Return what one room takes of `left`: each time the task that uses best what is free and spares what is scarce.

    The measure is the dot product of Panigrahy, Talwar, Uyeda and Wieder, "Heuristics for Vector Bin Packing" (2011).
    """
    room = room.copy()
    whole = room.free
    cpu = sum(task.size.cpu_units * count for task, count in left.items()) / max(1, whole.cpu_units) ** 3
    memory = sum(task.size.memory_mib * count for task, count in left.items()) / max(1, whole.memory_mib) ** 3

    def goes(task: TaskShape) -> tuple[int, float]:
        size, free = task.size, room.free
        return task.gpus, cpu * size.cpu_units * free.cpu_units + memory * size.memory_mib * free.memory_mib

    taken: Counter[TaskShape] = Counter()
    while fitting := [task for task, count in left.items() if taken[task] < count and room.holds(task)]:
        best = max(fitting, key=goes)
        room.place(best)
        taken[best] += 1
    return taken


def largest_of(rooms: Iterable[Room]) -> Size:
    """Return the most CPU and the most memory that any of `rooms` has free."""
    return largest(NOTHING, *(room.free for room in rooms))


def _least_of_its_zone(task: TaskShape, rooms: Sequence[Room]) -> Room | None:
    """Return the first room that holds `task`, in the zone that has the fewest tasks of its group."""
    holding = [room for room in rooms if room.holds(task)]
    if not holding:
        return None
    in_zone: Counter[str] = Counter()
    for room in rooms:
        in_zone[room.zone] += room.groups[task.group]
    return min(holding, key=lambda room: in_zone[room.zone])


def largest_first(tasks: Iterable[TaskShape], whole: Size) -> list[TaskShape]:
    """Sort `tasks` by the share of `whole` that they take; tasks that need GPUs come before all others."""
    cpu, memory = max(1, whole.cpu_units), max(1, whole.memory_mib)

    def bulk(task: TaskShape) -> tuple[int, float, int, bool]:
        size = task.size
        return task.gpus, max(size.cpu_units / cpu, size.memory_mib / memory), size.cpu_units, bool(task.member_of)

    return sorted(tasks, key=bulk, reverse=True)
