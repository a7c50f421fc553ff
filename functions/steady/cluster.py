"""A cluster at one moment: the snapshot that every scaling decision starts from."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from steady.drain_mark import DrainMark
from steady.launch import Launch
from steady.pools import Pool

# ECS: the `stopTimeout` of a container whose definition does not set one.
DEFAULT_STOP_TIMEOUT_S = 30


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
        """Whether `other` fits: it is no larger in CPU and no larger in memory."""
        return self.cpu_units >= other.cpu_units and self.memory_mib >= other.memory_mib


NOTHING = Size(0, 0)


def largest(*sizes: Size) -> Size:
    """Return the largest CPU and the largest memory among `sizes`, each by itself; nothing for none.

    >>> largest(Size(1024, 100), Size(512, 4000))
    Size(cpu_units=1024, memory_mib=4000)
    """
    return Size(max((s.cpu_units for s in sizes), default=0), max((s.memory_mib for s in sizes), default=0))


def smallest(*sizes: Size) -> Size:
    """Return the smallest CPU and the smallest memory among `sizes`, each by itself; nothing for none."""
    return Size(min((s.cpu_units for s in sizes), default=0), min((s.memory_mib for s in sizes), default=0))


class Placement(StrEnum):
    """How ECS chooses among the instances that can take a task (ECS API, PlacementStrategy).

    SPREAD: the one with the fewest tasks of the service. BINPACK: the one with the least memory, or CPU, left.
    """

    SPREAD = "spread"
    BINPACK_MEMORY = "binpack:memory"
    BINPACK_CPU = "binpack:cpu"


@dataclass(frozen=True, slots=True)
class TaskShape:
    """The needs of one task: an instance must meet all of them.

    Attributes:
        ports: the fixed host ports that it binds.
        gpus: how many GPUs it needs.
        enis: how many network interfaces it needs: 1 in network mode awsvpc, else 0.
        member_of: the expressions of its memberOf placement constraints.
        group: the name of its service, if the service's tasks are kept apart; else "".
        distinct: whether no two tasks of `group` may share an instance (distinctInstance).
        spread_zones: whether the tasks of `group` are spread over the zones.
        placement: how ECS chooses its instance, within a zone if it is spread over these.
        providers: the capacity providers on whose instances alone ECS places it; none: on any EC2 instance.
        is_spare: whether it is no task that waits, but a place that is kept free for one (`scaling.spare_places`).
    """

    size: Size
    ports: frozenset[int] = frozenset()
    gpus: int = 0
    enis: int = 0
    member_of: frozenset[str] = frozenset()
    group: str = ""
    distinct: bool = False
    spread_zones: bool = False
    placement: Placement = Placement.SPREAD
    providers: frozenset[str] = frozenset()
    is_spare: bool = False


class InstanceStatus(StrEnum):
    """The status of a container instance (ECS API, ContainerInstance.status); OTHER is any status but these two."""

    ACTIVE = "ACTIVE"
    DRAINING = "DRAINING"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class InstanceShape:
    """The size and the limits of a container instance of one instance type, once it is registered.

    Attributes:
        name: the instance type, such as `m5.large`.
        size: its registered CPU and memory.
        enis: how many network interfaces it has for tasks; None if they are not limited.
    """

    name: str
    size: Size
    gpus: int = 0
    enis: int | None = None


@dataclass(frozen=True, slots=True)
class ContainerInstance:
    """One container instance as ECS describes it.

    Attributes:
        instance_id: its EC2 instance id.
        task_count: its running and pending tasks together.
        gpus: how many of its GPUs are free.
        enis_limited: whether its type's limit of network interfaces holds; with ENI trunking another one does.
        drain_mark: why the suite has drained it; None if it carries no mark.
        impaired: whether ECS's health checks of the instance say IMPAIRED (ECS API, ContainerInstanceHealthStatus).
        provider: the name of the capacity provider that it is of; "": of none.
        is_external: whether it is a machine of ECS Anywhere, and no EC2 instance.
        platform: its attributes that name its architecture and its operating system, each with its value.
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
    drain_mark: DrainMark | None = None
    impaired: bool = False
    provider: str = ""
    is_external: bool = False
    platform: tuple[tuple[str, str], ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether its agent is connected, and ECS does not call it impaired."""
        return self.agent_connected and not self.impaired

    @property
    def reserved(self) -> Size:
        return self.registered - self.remaining


@dataclass(frozen=True, slots=True)
class Service:
    """One replica service of which the pool gets tasks, and its task counts.

    Attributes:
        shape: what one of its tasks asks for; None until its task definition has been needed and read.
        on: the ARNs of the container instances that its tasks are on; read only for services kept apart.
        deploying: how many tasks its deployments lack: their desired count, less running and pending.
        displaced: how many of its tasks are on draining instances; read only where ECS cannot place one of its tasks.
        startable: how many more tasks ECS may start now, by its maximum percent.
        shared: its capacity provider strategy, if other pools get a part of its tasks; else None.
        elsewhere: how many of the tasks that ECS must start go to other pools.
        lacks: how many of them ECS gives to each pool by the strategy, by the pool's name; only if it is `shared`.
    """

    name: str
    desired: int
    running: int
    pending: int
    task_definition: str
    shape: TaskShape | None = None
    on: frozenset[str] = frozenset()
    deploying: int = 0
    displaced: int = 0
    startable: int = 0
    shared: Launch | None = None
    elsewhere: int = 0
    lacks: Mapping[str, int] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """How many tasks ECS must start here: those that are lacking, and those that it starts before it stops others.

        ECS API, DeploymentConfiguration: a deployment and a drain start replacements up to the maximum percent.
        """
        ahead = min(self.deploying + self.displaced, self.startable)
        return max(0, max(self.desired - self.running - self.pending, ahead) - self.elsewhere)


@dataclass(frozen=True, slots=True)
class Daemons:
    """The daemon services of a cluster, and what they reserve on each instance.

    Attributes:
        counts: how many tasks each of them has, also on instances that are not the pool's.
        bound: of those with memberOf placement constraints, the expressions, and what they reserve where these hold.
    """

    size: Size = NOTHING
    counts: tuple[int, ...] = ()
    bound: tuple[TaskShape, ...] = ()

    def tasks_on(self, instances: int) -> int:
        """Return how many tasks they have on so many instances: each has one on an instance, at most."""
        return sum(min(count, instances) for count in self.counts)


@dataclass(frozen=True, slots=True)
class Started:
    """How many tasks have started on a cluster's instances since a look, by which `total` had started in all.

    Attributes:
        on: how many of them on each container instance, by ARN.
        totals: how many had started by that look on each pool of several, by the pool's name.
    """

    tasks: int
    total: float
    on: Mapping[str, int] = field(default_factory=dict)
    totals: Mapping[str, float] = field(default_factory=dict)

    def of_pool(self, name: str, arns: Collection[str]) -> "Started | None":
        """Return those on the container instances `arns` of a pool; None if the last look did not know the pool."""
        if name not in self.totals:
            return None
        return Started(sum(self.on.get(arn, 0) for arn in arns), self.totals[name])


@dataclass(frozen=True, slots=True)
class Beside:
    """A cheaper pool of the cluster: its instances that take tasks, and how much of others' tasks they may take."""

    instances: tuple[ContainerInstance, ...]
    spare: Size


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that one decision about one cluster looks at.

    Attributes:
        instances: those that the pool's tasks run on: no machines of ECS Anywhere, none of other capacity providers.
        at: when it was observed, in seconds since the epoch.
        tasks_of: the shapes of the service tasks on each instance that may be emptied, by container instance ARN.
        bound_since: when the oldest batch task on each such instance was created, by container instance ARN.
        unread: the ARNs of instances that may be emptied but whose tasks were not read: they are not emptied.
        pinned: the ARNs of instances with a task that ECS cannot move: they are not emptied either.
        matching: for each memberOf expression that was asked for, the ARNs of the instances that satisfy it.
        unmet: the expressions among them that name a platform which neither an instance nor a type of the pools has.
        shapes: what EC2 offers as each of the pool's types, by type.
        trunks: how many awsvpc tasks an instance to come takes, by type, where it will register with a trunk.
        started: the tasks that have started since this process last looked; None: it has not looked lately.
        pools: each pool of a cluster with several, by its name; `pool` is all of them together then. Nothing where
            `pool` is the only one, or the one that is decided about.
        spare: the places that the pool is to keep free; only where the cluster has several pools.
        beside: the cheaper pools of the cluster: scale-in may count on their room.
        to_go_first: the ids of the instances that go before others if some may go: renewal has no use for them.
        canary_failure: why the first instance that renewal has brought is no good; "": nothing says so.
        canary_waits: the services whose targets on that instance are not healthy yet.
    """

    cluster: str
    at: float
    instances: tuple[ContainerInstance, ...]
    services: tuple[Service, ...]
    pool: Pool
    tasks_of: Mapping[str, tuple[TaskShape, ...]] = field(default_factory=dict)
    bound_since: Mapping[str, float] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    pinned: frozenset[str] = frozenset()
    matching: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unmet: frozenset[str] = frozenset()
    daemons: Daemons = Daemons()
    shapes: Mapping[str, InstanceShape] = field(default_factory=dict)
    trunks: Mapping[str, int] = field(default_factory=dict)
    started: Started | None = None
    pools: Mapping[str, Pool] = field(default_factory=dict)
    spare: tuple[TaskShape, ...] = ()
    beside: tuple[Beside, ...] = ()
    to_go_first: frozenset[str] = frozenset()
    canary_failure: str = ""
    canary_waits: str = ""

    @property
    def active(self) -> tuple[ContainerInstance, ...]:
        """The instances on which ECS can place a task now."""
        return tuple(i for i in self.instances if i.status is InstanceStatus.ACTIVE and i.agent_connected)
