"""The state of ECS: clusters, container instances, task definitions, services and tasks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from simulator.clock import Timer
from simulator.ecs.devices import free_gpus
from simulator.ecs.launching import EC2, Launch
from simulator.ecs.pace import Pace
from simulator.ecs.strategies import Strategy
from simulator.ecs.task_definition import ARN, TaskDefinition
from simulator.target_groups import RegisteredTarget, TargetGroup
from steady.cluster import Size

# ECS: reserved on each instance for SSH, Docker and the agent.
RESERVED_PORTS = frozenset({22, 2375, 2376, 51678, 51679})
FIRST_DYNAMIC_PORT = 32768
# ECS: "stopped tasks ... appear in the returned results for at least one hour" (ListTasks).
STOPPED_KEPT_S = 3600.0


class TaskStatus(StrEnum):
    """The last status of a task, in the order of its life (ECS guide, "Task lifecycle")."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    DEACTIVATING = "DEACTIVATING"
    STOPPING = "STOPPING"
    DEPROVISIONING = "DEPROVISIONING"
    STOPPED = "STOPPED"


class Deploys(StrEnum):
    """How a service is deployed, and so where ECS names the target groups of its tasks (ECS API)."""

    ROLLING = "rolling"
    # Also linear and canary. The tasks change between a target group and its alternate one with each deployment.
    BLUE_GREEN = "blue-green"
    CODE_DEPLOY = "code-deploy"
    EXTERNAL = "external"

    @property
    def by_task_sets(self) -> bool:
        """Whether the service has task sets, and neither deployments nor service revisions."""
        return self in (Deploys.CODE_DEPLOY, Deploys.EXTERNAL)


class Otherwise(StrEnum):
    """A way other than a target group of Elastic Load Balancing in which requests reach the tasks of a service."""

    LATTICE = "lattice"
    CLOUD_MAP = "cloud-map"
    SERVICE_CONNECT = "service-connect"
    GATEWAY = "gateway"
    CLASSIC = "classic"


@dataclass(eq=False, slots=True)
class Task:
    """One task.

    Attributes:
        run_s: seconds after which the task ends by itself; None: it runs until it is stopped.
        revision: the number of the service revision that it is of; 0 without a service.
        status: PENDING, RUNNING or STOPPED. `last_status` has the steps between the last two.
        stopping: whether its desired status is STOPPED.
        retired_at: when the service scheduler stopped it.
        sigterm_due_at: when it is to get SIGTERM, once it is told to stop; at once unless its targets leave before.
        exited_at: when its container ended.
        stopped_at: when it became STOPPED.
        address: the IP address of its own network interface (awsvpc); "" without one.
        launch, provider: what it was started on, and the capacity provider that took it.
    """

    arn: str
    cluster: Cluster
    definition: TaskDefinition
    instance: ContainerInstance
    group: str
    created_at: float
    run_s: float | None = None
    status: TaskStatus = TaskStatus.PENDING
    stopping: bool = False
    retired_at: float | None = None
    sigterm_due_at: float | None = None
    sigterm_at: float | None = None
    exited_at: float | None = None
    stopped_at: float | None = None
    started_at: float | None = None
    host_port: int | None = None
    address: str = ""
    targets: list[RegisteredTarget] = field(default_factory=list)
    on_stopped: Callable[[Task], None] | None = None
    killed: bool = False
    protected: bool = False
    revision: int = 0
    launch: Launch = EC2
    provider: str = ""

    @property
    def last_status(self) -> TaskStatus:
        """The status as DescribeTasks names it: DEACTIVATING while its targets leave, STOPPING from SIGTERM on."""
        if self.status is not TaskStatus.RUNNING or not self.stopping:
            return self.status
        if self.exited_at is not None:
            return TaskStatus.DEPROVISIONING
        if self.sigterm_at is not None:
            return TaskStatus.STOPPING
        return TaskStatus.DEACTIVATING if self.targets else TaskStatus.RUNNING

    def registered_in(self, group: TargetGroup) -> tuple[str, int]:
        """Return the id and the port with which ECS registers the task in `group`."""
        id_, port = self.instance.ec2_id, self.host_port
        if self.address:
            id_, port = self.address, self.definition.container_port
        assert port is not None, f"{self.definition.family} has target groups but no container port"
        return (self.arn.rpartition("/")[2] if group.is_by_task else id_), port

    def served_for_instance(self) -> list[RegisteredTarget]:
        """Return the targets of its instance whose requests it answers: those at its port."""
        return [target for target in self.instance.targets if target.port == self.host_port]

    @property
    def service_name(self) -> str:
        """The name of the task's service; "" for a batch task."""
        kind, _, name = self.group.partition(":")
        return name if kind == "service" else ""


@dataclass(eq=False, slots=True)
class ContainerInstance:
    """One container instance and its tasks.

    Attributes:
        targets: the instance's own targets, which its pool has registered.
        attributes, health: its custom attributes (PutAttributes); the overall status of its health checks.
        provider: the capacity provider that it is of; "": of none.
        external, managed: whether it is of ECS Anywhere, or of ECS Managed Instances.
        interfaces: how many tasks in network mode awsvpc it takes; None: any.
        trunked, fails: whether it has registered with a trunk; whether each task on it ends as it starts.
        images: when each image that a task of it has pulled is there, in seconds since the epoch.
    """

    arn: str
    cluster: Cluster
    ec2_id: str
    instance_type: str
    zone: str
    registered: Size
    remaining: Size
    status: str = "ACTIVE"
    tasks: dict[str, Task] = field(default_factory=dict)
    used_ports: set[int] = field(default_factory=lambda: set(RESERVED_PORTS))
    agent_connected: bool = True
    targets: list[RegisteredTarget] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    health: str = "OK"
    provider: str = ""
    external: bool = False
    managed: bool = False
    interfaces: int | None = None
    trunked: bool = False
    images: dict[str, float] = field(default_factory=dict)
    fails: bool = False

    def has_room(self, definition: TaskDefinition) -> bool:
        """Whether a task of `definition` fits: CPU, memory, GPUs, its fixed port and its network interface."""
        if definition.awsvpc and not self.has_interface():
            return False
        if definition.gpus and definition.gpus > free_gpus(self.instance_type, self.tasks.values()):
            return False
        port = definition.container_port if definition.host_network else definition.host_port
        return self.remaining.holds(definition.size) and port not in self.used_ports

    def has_interface(self) -> bool:
        """Whether one more task in network mode awsvpc fits."""
        return self.interfaces is None or len(self.with_interface()) < self.interfaces

    def with_interface(self) -> list[Task]:
        """Return its tasks in network mode awsvpc."""
        return [task for task in self.tasks.values() if task.definition.awsvpc]

    def free_port(self) -> int:
        """Return the lowest dynamic port that no task uses."""
        port = FIRST_DYNAMIC_PORT
        while port in self.used_ports:
            port += 1
        return port


@dataclass(eq=False, slots=True)
class Service:
    """One service.

    Attributes:
        target_groups: the ARNs of the target groups in which its newest deployment registers tasks.
        idle_groups: of a blue/green or CodeDeploy service: the others, which change places with `target_groups`.
        deploys: how it is deployed; `rebalances`: ECS balances its tasks over zones (`availabilityZoneRebalancing`).
        launch: on what its newest deployment runs; `earlier_launches` has that of those before it.
        otherwise: in which other way its tasks get requests; None: in none. `hidden_groups` then counts these requests.
        revision: the number of its newest service revision; `earlier` has the target groups of those before it.
        replaces_before: the tasks of revisions before this number are being replaced, by a rolling deployment.
        missing_since: since when each missing task has been missing, the longest first.
        retry, failure_event_at: the next try to place its tasks, and when its last failure was told.
    """

    name: str
    cluster: Cluster
    definition: TaskDefinition
    desired: int
    target_groups: tuple[str, ...] = ()
    minimum_healthy_percent: int = 100
    maximum_percent: int = 200
    strategy: Strategy = Strategy.SPREAD
    daemon: bool = False
    tasks: dict[str, Task] = field(default_factory=dict)
    missing_since: list[float] = field(default_factory=list)
    retry: Timer | None = None
    pace: Pace = field(default_factory=Pace)
    reconcile_pending: bool = False
    failure_event_at: float | None = None
    idle_groups: tuple[str, ...] = ()
    deploys: Deploys = Deploys.ROLLING
    otherwise: Otherwise | None = None
    hidden_groups: tuple[str, ...] = ()
    revision: int = 1
    earlier: dict[int, tuple[str, ...]] = field(default_factory=dict)
    replaces_before: int = 0
    launch: Launch = EC2
    earlier_launches: dict[int, Launch] = field(default_factory=dict)
    rebalances: bool = False
    health_check_grace_s: float = 0.0

    @property
    def arn(self) -> str:
        return f"{ARN}:service/{self.cluster.name}/{self.name}"

    def groups_of(self, revision: int) -> tuple[str, ...]:
        """Return the ARNs of the target groups in which the tasks of a service revision are registered."""
        return self.earlier.get(revision, self.target_groups)

    def deploy(self, *target_groups: str) -> None:
        """Begin a deployment that registers new tasks in `target_groups`. The tasks that run stay where they are."""
        self.earlier[self.revision] = self.target_groups
        self.revision += 1
        self.target_groups = target_groups

    def counts(self, revision: int | None = None) -> tuple[int, int]:
        """Return the numbers of running and of pending tasks, of all revisions or of one.

        A task that is stopping is in neither (as in ECS).
        """
        alive = [t for t in self.tasks.values() if not t.stopping and revision in (None, t.revision)]
        running = sum(t.status is TaskStatus.RUNNING for t in alive)
        return running, len(alive) - running


@dataclass(eq=False, slots=True)
class Cluster:
    """One cluster, with what it holds by ARN; services by name.

    Attributes:
        stopped: the tasks that became STOPPED within `STOPPED_KEPT_S`, the oldest first.
        inactive, fargate: the instances deregistered within the last hour; for how many tasks Fargate has capacity.
        default_launch: its default capacity provider strategy; EC2: it has none.
        trunking: `awsvpcTrunking` of the role with which its instances register; None: the account's default holds.
    """

    name: str
    instances: dict[str, ContainerInstance] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    stopped: dict[str, Task] = field(default_factory=dict)
    inactive: dict[str, ContainerInstance] = field(default_factory=dict)
    fargate: int = 1000
    default_launch: Launch = EC2
    trunking: bool | None = None

    def keep_stopped(self, task: Task, now: float) -> None:
        """Move a task to those that are STOPPED, and forget those that became so too long ago."""
        task.status, task.stopped_at = TaskStatus.STOPPED, now
        del self.tasks[task.arn]
        self.stopped[task.arn] = task
        self.recently_stopped(now)

    def recently_stopped(self, now: float) -> dict[str, Task]:
        """Return the tasks that ECS still describes as STOPPED, by ARN."""
        while self.stopped:
            oldest = next(iter(self.stopped.values()))
            if oldest.stopped_at is None or now - oldest.stopped_at <= STOPPED_KEPT_S:
                break
            del self.stopped[oldest.arn]
        return self.stopped

    @property
    def arn(self) -> str:
        return f"{ARN}:cluster/{self.name}"
