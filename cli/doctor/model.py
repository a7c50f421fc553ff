"""What the doctor looks at of one cluster."""

from dataclasses import dataclass

from steady.arns import family_of
from steady.pools import PoolKind, PoolName


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """One target group of a service. Times are in seconds; `stop_timeout_s` is of the service's tasks."""

    arn: str
    service: str
    delay_s: int
    slow_start_s: int
    health_interval_s: int
    healthy_count: int
    stop_timeout_s: int

    @property
    def name(self) -> str:
        return f"target group {self.arn.split('/')[-2]} of service {self.service}"


@dataclass(frozen=True, slots=True)
class Revision:
    """A task definition in use: of a service, or of batch tasks (`service` is empty).

    `stop_timeout_s` is the longest of its containers, in seconds; `balanced` is whether its tasks have targets.
    """

    task_definition: str
    stop_timeout_s: int
    service: str = ""
    balanced: bool = False

    @property
    def family(self) -> str:
        return family_of(self.task_definition)

    @property
    def name(self) -> str:
        return f"service {self.service}" if self.service else f"batch task {self.family}"


@dataclass(frozen=True, slots=True)
class LaunchTemplate:
    """What a pool starts its instances from; `id` is empty for a launch configuration or specification."""

    id: str
    version: str
    user_data: str = ""
    terminations_disabled: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """A container instance as EC2 knows it: the pool that its tags name, and the cluster that our own tag names."""

    instance_id: str
    pool: PoolName | None
    cluster_tag: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """All that the doctor looks at, of one cluster. `hooks` are the transitions of the group's lifecycle hooks.

    `protected` are ids of instances under scale-in protection; `policies` and `capacity_providers` are the names of
    others that set the group's capacity.
    """

    cluster: str
    pool: PoolName
    target_groups: tuple[TargetGroup, ...] = ()
    revisions: tuple[Revision, ...] = ()
    templates: tuple[LaunchTemplate, ...] = ()
    members: tuple[Member, ...] = ()
    hooks: tuple[str, ...] = ()
    protects_new: bool = False
    protected: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    capacity_providers: tuple[str, ...] = ()
    fleet_type: str = "maintain"

    @property
    def on_spot(self) -> bool:
        return self.pool.kind is PoolKind.SPOT_FLEET
