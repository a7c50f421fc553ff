"""Where tasks fit: first-fit-decreasing packing on the room that is left, and on instances still to come.

What ECS looks at when it places a task is what is looked at here: CPU, memory, GPUs, host ports, ENIs, the constraints
distinctInstance and memberOf, and the spread over zones.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from steady.cluster import ContainerInstance, InstanceShape, Size, Snapshot, TaskShape


@dataclass(slots=True)
class Room:
    """What is free on one instance. `key` is its container instance ARN, or "" for one still to come.

    `matches` are the memberOf expressions that it satisfies; `groups` counts the tasks of services that are kept apart.
    `enis` is None where they are not counted.
    """

    free: Size
    used_ports: frozenset[int] = frozenset()
    key: str = ""
    gpus: int = 0
    enis: int | None = None
    zone: str = ""
    matches: frozenset[str] = frozenset()
    groups: Counter[str] = field(default_factory=Counter)

    def holds(self, task: TaskShape) -> bool:
        return (
            self.free.holds(task.size)
            and not (task.ports & self.used_ports)
            and self.gpus >= task.gpus
            and (self.enis is None or self.enis >= task.enis)
            and task.member_of <= self.matches
            and not (task.distinct and self.groups[task.group])
        )

    def place(self, task: TaskShape) -> None:
        self.free = self.free - task.size
        self.used_ports |= task.ports
        self.gpus -= task.gpus
        if self.enis is not None:
            self.enis -= task.enis
        if task.group:
            self.groups[task.group] += 1

    def copy(self) -> "Room":
        return Room(
            self.free,
            self.used_ports,
            self.key,
            self.gpus,
            self.enis,
            self.zone,
            self.matches,
            Counter(self.groups),
        )


@dataclass(frozen=True, slots=True)
class Packing:
    """What came of packing: tasks left over, and the keys of the rooms that took at least one."""

    left_over: tuple[TaskShape, ...]
    used: frozenset[str]


def room_on(instances: Iterable[ContainerInstance], snapshot: Snapshot) -> list[Room]:
    """What is free on `instances`, as it stands in `snapshot`."""
    groups: dict[str, Counter[str]] = {}
    for service in snapshot.services:
        for arn in service.on:
            groups.setdefault(arn, Counter())[service.name] += 1
    rooms = []
    for i in instances:
        shape = snapshot.shapes.get(i.instance_type)
        limit = shape.enis if shape and i.enis_limited else None
        rooms.append(
            Room(
                i.remaining,
                i.used_ports,
                i.arn,
                i.gpus,
                None if limit is None else limit - i.enis_used,
                i.zone,
                frozenset(e for e, arns in snapshot.matching.items() if i.arn in arns),
                groups.get(i.arn, Counter()),
            )
        )
    return rooms


def new_room(shape: InstanceShape, snapshot: Snapshot) -> Room:
    """An instance of `shape` still to come: the daemons' part of it is taken.

    It satisfies a memberOf expression that an instance of its type satisfies now, wherever that one is; where none of
    its type is registered nobody can tell, and it is taken to satisfy it. Its zone is not known before it is there.
    """
    alike = {i.arn for i in snapshot.instances if i.instance_type == shape.name}
    matches = frozenset(e for e, arns in snapshot.matching.items() if not alike or alike & arns or _is_of_zones(e))
    return Room(shape.size - snapshot.daemons.size, gpus=shape.gpus, enis=shape.enis, matches=matches)


def _is_of_zones(expression: str) -> bool:
    return "ecs.availability-zone" in expression


def pack(tasks: Iterable[TaskShape], rooms: Sequence[Room]) -> Packing:
    """Places each task in the first room that holds it, the largest tasks first; changes `rooms`."""
    left_over = []
    used = set()
    # A room that had no place for a shape has none for the next task of that shape: it is not asked again.
    tried: dict[TaskShape, int] = {}
    for task in _largest_first(tasks):
        if task.spread_zones:
            room = _least_of_its_zone(task, rooms)
        else:
            index = tried.get(task, 0)
            while index < len(rooms) and not rooms[index].holds(task):
                index += 1
            tried[task] = index
            room = rooms[index] if index < len(rooms) else None
        if room is None:
            left_over.append(task)
            continue
        room.place(task)
        used.add(room.key)
    return Packing(tuple(left_over), frozenset(used))


def instances_needed(tasks: Iterable[TaskShape], empty: Room) -> tuple[int, tuple[TaskShape, ...]]:
    """How many instances such as `empty` hold `tasks`, and the tasks that no such instance can hold."""
    rooms: list[Room] = []
    too_large = []
    tried: dict[TaskShape, int] = {}
    for task in _largest_first(tasks):
        if not empty.holds(task):
            too_large.append(task)
            continue
        index = tried.get(task, 0)
        while index < len(rooms) and not rooms[index].holds(task):
            index += 1
        tried[task] = index
        if index == len(rooms):
            rooms.append(empty.copy())
        rooms[index].place(task)
    return len(rooms), tuple(too_large)


def _least_of_its_zone(task: TaskShape, rooms: Sequence[Room]) -> Room | None:
    """The first room that holds `task`, in the zone that has the fewest tasks of its group."""
    holding = [room for room in rooms if room.holds(task)]
    if not holding:
        return None
    in_zone: Counter[str] = Counter()
    for room in rooms:
        in_zone[room.zone] += room.groups[task.group]
    return min(holding, key=lambda room: in_zone[room.zone])


def _largest_first(tasks: Iterable[TaskShape]) -> list[TaskShape]:
    return sorted(tasks, key=_bulk, reverse=True)


def _bulk(task: TaskShape) -> tuple[int, int, int, bool]:
    # A vCPU comes with 2 to 8 GiB on the common instance types; 4 makes the two comparable. What asks for something
    # that few instances have is placed before what could stand anywhere.
    size = task.size
    return task.gpus, max(size.cpu_units * 4, size.memory_mib), size.cpu_units, bool(task.member_of)
