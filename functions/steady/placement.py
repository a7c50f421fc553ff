"""Where tasks fit: first-fit-decreasing packing on the room that is left, and on instances still to come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from steady.cluster import ContainerInstance, Size, TaskShape


@dataclass(slots=True)
class Room:
    """What is free on one instance. `key` is its container instance ARN, or "" for one still to come."""

    free: Size
    used_ports: frozenset[int] = frozenset()
    key: str = ""

    def holds(self, task: TaskShape) -> bool:
        return self.free.holds(task.size) and not (task.ports & self.used_ports)

    def place(self, task: TaskShape) -> None:
        self.free = self.free - task.size
        self.used_ports |= task.ports


@dataclass(frozen=True, slots=True)
class Packing:
    """What came of packing: tasks left over, and the keys of the rooms that took at least one."""

    left_over: tuple[TaskShape, ...]
    used: frozenset[str]


def room_on(instances: Iterable[ContainerInstance]) -> list[Room]:
    return [Room(i.remaining, i.used_ports, i.arn) for i in instances]


def empty_rooms(size: Size, count: int) -> list[Room]:
    return [Room(size) for _ in range(count)]


def pack(tasks: Iterable[TaskShape], rooms: Sequence[Room]) -> Packing:
    """Places each task in the first room that holds it, the largest tasks first; changes `rooms`."""
    left_over = []
    used = set()
    for task in sorted(tasks, key=_bulk, reverse=True):
        for room in rooms:
            if room.holds(task):
                room.place(task)
                used.add(room.key)
                break
        else:
            left_over.append(task)
    return Packing(tuple(left_over), frozenset(used))


def instances_needed(tasks: Iterable[TaskShape], size: Size) -> tuple[int, tuple[TaskShape, ...]]:
    """How many empty instances of `size` hold `tasks`, and the tasks that no such instance can hold."""
    rooms: list[Room] = []
    too_large = []
    for task in sorted(tasks, key=_bulk, reverse=True):
        if not size.holds(task.size):
            too_large.append(task)
            continue
        if pack([task], rooms).left_over:
            rooms.append(Room(size))
            rooms[-1].place(task)
    return len(rooms), tuple(too_large)


def _bulk(task: TaskShape) -> tuple[int, int]:
    # A vCPU comes with 2 to 8 GiB on the common instance types; 4 makes the two comparable.
    return max(task.size.cpu_units * 4, task.size.memory_mib), task.size.cpu_units
