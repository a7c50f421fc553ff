"""What a cluster looks like at one moment: the snapshot every scaling decision starts from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Size:
    """An amount of CPU and memory: CPU in ECS units (1024 a vCPU), memory in MiB."""

    cpu_units: int
    memory_mib: int

    def __add__(self, other: "Size") -> "Size":
        return Size(self.cpu_units + other.cpu_units, self.memory_mib + other.memory_mib)

    def __sub__(self, other: "Size") -> "Size":
        return Size(self.cpu_units - other.cpu_units, self.memory_mib - other.memory_mib)

    def __mul__(self, count: int) -> "Size":
        return Size(self.cpu_units * count, self.memory_mib * count)

    def __or__(self, other: "Size") -> "Size":
        """The larger of each."""
        return Size(max(self.cpu_units, other.cpu_units), max(self.memory_mib, other.memory_mib))

    def __and__(self, other: "Size") -> "Size":
        """The smaller of each."""
        return Size(min(self.cpu_units, other.cpu_units), min(self.memory_mib, other.memory_mib))

    def holds(self, other: "Size") -> bool:
        return self.cpu_units >= other.cpu_units and self.memory_mib >= other.memory_mib


NOTHING = Size(0, 0)


@dataclass(frozen=True, slots=True)
class TaskShape:
    """What one task asks of the instance it is placed on.

    `ports` are fixed host ports; `enis` is 1 for one in network mode awsvpc; `member_of` are the expressions of its
    memberOf constraints. `group` is its service, where its tasks are kept apart: each on an instance of its own
    (`distinct`), or evenly over the zones (`spread_zones`).
    """

    size: Size
    ports: frozenset[int] = frozenset()
    gpus: int = 0
    enis: int = 0
    member_of: frozenset[str] = frozenset()
    group: str = ""
    distinct: bool = False
    spread_zones: bool = False


class InstanceStatus(StrEnum):
    """The statuses of a container instance that matter here (ECS API, ContainerInstance.status)."""

    ACTIVE = "ACTIVE"
    DRAINING = "DRAINING"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class InstanceShape:
    """What a container instance of the type `name` offers once it is registered.

    `enis` is how many network interfaces it has for tasks; None where they are not limited.
    """

    name: str
    size: Size
    gpus: int = 0
    enis: int | None = None


@dataclass(frozen=True, slots=True)
class ContainerInstance:
    """One container instance as ECS describes it. `task_count` is running and pending together.

    `gpus` is how many are free; `enis_limited` is whether its type's limit holds (it does not with ENI trunking).
    """

    arn: str
    instance_id: str
    status: InstanceStatus
    registered: Size
    remaining: Size
    task_count: int
    used_ports: frozenset[int] = frozenset()
    agent_connected: bool = True
    instance_type: str = ""
    zone: str = ""
    gpus: int = 0
    registered_gpus: int = 0
    enis_used: int = 0
    enis_limited: bool = True

    @property
    def reserved(self) -> Size:
        return self.registered - self.remaining


@dataclass(frozen=True, slots=True)
class Service:
    """One replica service. `shape` is None until its task definition was needed and read.

    `on` holds the ARNs of the instances that its tasks are on; it is read only where they must be distinct.
    """

    name: str
    desired: int
    running: int
    pending: int
    task_definition: str
    shape: TaskShape | None = None
    on: frozenset[str] = frozenset()

    @property
    def missing(self) -> int:
        return max(0, self.desired - self.running - self.pending)


@dataclass(frozen=True, slots=True)
class Daemons:
    """The daemon services of a cluster: what they take of each instance, and how many tasks they have in all."""

    size: Size = NOTHING
    tasks: int = 0


class PoolKind(StrEnum):
    """What gives a cluster its instances: one of either to one cluster."""

    AUTO_SCALING_GROUP = "auto-scaling-group"
    SPOT_FLEET = "spot-fleet"


@dataclass(frozen=True, slots=True)
class PoolName:
    """A pool as the `capacity` parameter writes it: `auto-scaling-group:NAME` or `spot-fleet:sfr-…`."""

    kind: PoolKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Pool:
    """An Auto Scaling group or a Spot Fleet: how much it is asked for, and what it holds now.

    `target` and the bounds are in units of capacity; an instance counts `weights[its type]` of them (1 if
    unnamed). `members` maps the ids of the instances that the pool counts to their types. `on_demand` is the part of
    a fleet's target that is on-demand; it can have such a part (`may_fall_back`) if it was made from launch templates.
    """

    name: PoolName
    target: int
    minimum: int
    maximum: int
    members: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    on_demand: int = 0
    on_demand_members: frozenset[str] = frozenset()
    may_fall_back: bool = False

    def weight(self, instance_type: str) -> int:
        return self.weights.get(instance_type, 1)

    def units(self, instance_ids: Iterable[str]) -> int:
        """What those of `instance_ids` that the pool counts come to."""
        return sum(self.weight(self.members[id_]) for id_ in instance_ids if id_ in self.members)

    @property
    def held(self) -> int:
        """What the pool holds, booting instances with it."""
        return self.units(self.members)

    @property
    def types(self) -> tuple[str, ...]:
        """The types that it launches, as far as it says so or has members."""
        return tuple(sorted(self.weights or {type_ for type_ in self.members.values() if type_}))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that one decision about one cluster looks at. `at` is in seconds since the epoch.

    `tasks_of` holds the shapes of an instance's movable tasks, by container instance ARN, and `bound_since` when the
    oldest of those that stay until they end was created; both only for those instances that may be emptied now, less
    the `unread` (ARNs), which there was no time for: they are not emptied.
    `matching` holds, for each memberOf expression of a task that lacks a place, the ARNs of the instances that ECS says
    match. `shapes` says what EC2 offers as the pool's types.
    """

    cluster: str
    at: float
    instances: tuple[ContainerInstance, ...]
    services: tuple[Service, ...]
    pool: Pool
    tasks_of: Mapping[str, tuple[TaskShape, ...]] = field(default_factory=dict)
    bound_since: Mapping[str, float] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    matching: Mapping[str, frozenset[str]] = field(default_factory=dict)
    daemons: Daemons = Daemons()
    shapes: Mapping[str, InstanceShape] = field(default_factory=dict)

    @property
    def active(self) -> tuple[ContainerInstance, ...]:
        """The instances on which ECS can place a task now."""
        return tuple(i for i in self.instances if i.status is InstanceStatus.ACTIVE and i.agent_connected)


# ECS: how long a container that says nothing of it has to stop (`stopTimeout`).
DEFAULT_STOP_TIMEOUT_S = 30
