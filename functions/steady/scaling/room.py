"""Rooms: what is free on an instance that is there, and on one that is still to come."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from steady.architecture import attributes_of
from steady.cluster import ContainerInstance, InstanceShape, Size, Snapshot, TaskShape
from steady.pools import Pool
from steady.scaling.new_instance_query import about_new_instance
from steady.trunks import trunk_tasks

# ECS Developer Guide: the built-in attribute of the Availability Zone.
ZONE = "ecs.availability-zone"


@dataclass(slots=True)
class Room:
    """The free resources of one instance.

    Attributes:
        key: its container instance ARN; "" for an instance still to come.
        enis: how many network interfaces are free; None where they are not limited.
        matches: the memberOf expressions that it satisfies.
        groups: how many tasks it has of each service whose tasks are kept apart.
        tasks: how many tasks it has in all.
        provider: the capacity provider that it is of; None: any that the pool has.
    """

    free: Size
    used_ports: frozenset[int] = frozenset()
    key: str = ""
    gpus: int = 0
    enis: int | None = None
    zone: str = ""
    matches: frozenset[str] = frozenset()
    groups: Counter[str] = field(default_factory=Counter)
    tasks: int = field(default=0, compare=False)
    provider: str | None = None

    def holds(self, task: TaskShape) -> bool:
        """Whether ECS could place `task` here."""
        return (
            self.free.holds(task.size)
            and not (task.ports & self.used_ports)
            and self.gpus >= task.gpus
            and (self.enis is None or self.enis >= task.enis)
            and task.member_of <= self.matches
            and not (task.distinct and self.groups[task.group])
            and (not task.providers or self.provider is None or self.provider in task.providers)
        )

    def place(self, task: TaskShape) -> None:
        """Take what `task` needs from what is free."""
        self.free = self.free - task.size
        self.used_ports |= task.ports
        self.gpus -= task.gpus
        if self.enis is not None:
            self.enis -= task.enis
        self.tasks += 1
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
            self.tasks,
            self.provider,
        )


def room_on(instances: Iterable[ContainerInstance], snapshot: Snapshot) -> list[Room]:
    """Return what is free on `instances`, as it stands in `snapshot`."""
    groups: dict[str, Counter[str]] = {}
    for service in snapshot.services:
        for arn in service.on:
            groups.setdefault(arn, Counter())[service.name] += 1
    rooms = []
    for i in instances:
        shape = snapshot.shapes.get(i.instance_type)
        limit = shape.enis if shape else None
        if not i.enis_limited:
            limit = trunk_tasks(i.instance_type, i.registered.cpu_units)
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
                i.task_count,
                i.provider,
            )
        )
    return rooms


def shapes_of_pool(snapshot: Snapshot, seen: Mapping[str, InstanceShape]) -> list[InstanceShape]:
    """Return what an instance of each of the pool's types offers; the type with the least memory a unit comes first.

    Args:
        seen: the shapes that instances have registered with, by type. They count before what EC2 says of a type: the
            kernel and the ECS agent keep some of the memory, and they have a trunk or have none.
    """
    pool = snapshot.pool
    offered = {type_: replace(s, enis=snapshot.trunks.get(type_, s.enis)) for type_, s in snapshot.shapes.items()}
    known = {**offered, **seen}
    types = pool.types or tuple(seen)
    found = [known[type_] for type_ in types if type_ in known]
    return sorted(found, key=lambda s: (s.size.memory_mib / pool.weight(s.name), s.size.cpu_units, s.name))


def new_room(shape: InstanceShape, snapshot: Snapshot) -> Room:
    """Return the room on an instance of `shape` still to come, less what the daemon services take of it.

    Its type and its architecture are known, and that it has no task yet. It may be in any zone in which the pool
    launches; where these are not known, expressions about zones match. Of other memberOf expressions, it is taken to
    satisfy those that an instance of its type satisfies now. If no instance of its type is registered, the attributes
    decide that the pool is known to give its instances; every other expression is taken to hold.
    """
    alike = {i.arn for i in snapshot.instances if i.instance_type == shape.name}
    matches = frozenset(
        expression
        for expression in snapshot.matching
        if any(
            _matches_new(expression, known, alike, snapshot)
            for known in attributes_of_new(shape.name, snapshot.pool, expression)
        )
    )
    # Where a daemon's constraint cannot be read, its part is taken.
    there = [d.size for d in snapshot.daemons.bound if d.member_of & snapshot.matching.keys() <= matches]
    daemons = sum(there, snapshot.daemons.size)
    return Room(shape.size - daemons, gpus=shape.gpus, enis=shape.enis, matches=matches | snapshot.unmet)


def attributes_of_new(instance_type: str, pool: Pool, expression: str) -> Sequence[Mapping[str, str]]:
    """Return what a new instance of the type is known to register with: one answer for each zone that it may be in.

    The zone counts only where `expression` names it.
    """
    of_type = attributes_of(instance_type)
    zones = sorted(pool.launch_zones) if _is_of_zones(expression) else ()
    return [{**of_type, ZONE: zone} for zone in zones] or [of_type]


def _matches_new(expression: str, known: Mapping[str, str], alike: set[str], snapshot: Snapshot) -> bool:
    answer = about_new_instance(expression, tuple(known.items()))
    if isinstance(answer, bool):
        return answer
    if not alike:
        return about_new_instance(expression, tuple({**known, **snapshot.pool.attributes}.items())) is not False
    return bool(alike & snapshot.matching.get(answer, frozenset())) or _is_of_zones(answer)


def _is_of_zones(expression: str) -> bool:
    return ZONE in expression
