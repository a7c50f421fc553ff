"""What a cluster looks like at one moment: the snapshot every scaling decision starts from."""

from collections.abc import Mapping
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

    def holds(self, other: "Size") -> bool:
        return self.cpu_units >= other.cpu_units and self.memory_mib >= other.memory_mib


NOTHING = Size(0, 0)


@dataclass(frozen=True, slots=True)
class TaskShape:
    """What one task asks of the instance it is placed on. `ports` are fixed host ports."""

    size: Size
    ports: frozenset[int] = frozenset()


class InstanceStatus(StrEnum):
    """The statuses of a container instance that matter here (ECS API, ContainerInstance.status)."""

    ACTIVE = "ACTIVE"
    DRAINING = "DRAINING"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class ContainerInstance:
    """One container instance as ECS describes it. `task_count` is running and pending together."""

    arn: str
    instance_id: str
    status: InstanceStatus
    registered: Size
    remaining: Size
    task_count: int
    used_ports: frozenset[int] = frozenset()
    agent_connected: bool = True
    instance_type: str = ""

    @property
    def reserved(self) -> Size:
        return self.registered - self.remaining


@dataclass(frozen=True, slots=True)
class Service:
    """One replica service. `shape` is None until its task definition was needed and read."""

    name: str
    desired: int
    running: int
    pending: int
    task_definition: str
    shape: TaskShape | None = None

    @property
    def missing(self) -> int:
        return max(0, self.desired - self.running - self.pending)


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
    unnamed). `members` maps the ids of the instances that the pool counts to their types.
    """

    name: PoolName
    target: int
    minimum: int
    maximum: int
    members: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)

    def weight(self, instance_type: str) -> int:
        return self.weights.get(instance_type, 1)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that one decision about one cluster looks at. `at` is in seconds since the epoch.

    `tasks_of` holds the shapes of an instance's movable tasks, by container instance ARN, for those
    instances that scale-in may choose; it is read only when scale-in is due.
    """

    cluster: str
    at: float
    instances: tuple[ContainerInstance, ...]
    services: tuple[Service, ...]
    pool: Pool
    tasks_of: Mapping[str, tuple[TaskShape, ...]] = field(default_factory=dict)

    @property
    def active(self) -> tuple[ContainerInstance, ...]:
        """The instances on which ECS can place a task now."""
        return tuple(i for i in self.instances if i.status is InstanceStatus.ACTIVE and i.agent_connected)
