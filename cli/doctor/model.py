"""Values of the doctor: what it reads of a cluster, and what it finds."""

from dataclasses import dataclass

from steady.arns import family_of
from steady.pools import PoolName, Purchase


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """One target group of a service.

    Attributes:
        service: the name of the service.
        delay_s: the deregistration delay, in seconds.
        slow_start_s: the slow start, in seconds; 0: none.
        health_interval_s: seconds from one health check to the next.
        healthy_count: how many health checks in a row make a target healthy.
        stop_timeout_s: the longest time that the service's containers take to stop, in seconds.
        lingers: whether requests go on after the deregistration (Network Load Balancer).
    """

    arn: str
    service: str
    delay_s: int
    slow_start_s: int
    health_interval_s: int
    healthy_count: int
    stop_timeout_s: int
    lingers: bool = False

    @property
    def name(self) -> str:
        return f"target group {self.arn.split('/')[-2]} of service {self.service}"


@dataclass(frozen=True, slots=True)
class Revision:
    """A task definition in use.

    Attributes:
        task_definition: its ARN.
        stop_timeout_s: the longest time that its containers take to stop, in seconds.
        service: the service that uses it; empty for batch tasks.
        balanced: whether its tasks are targets of a load balancer.
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
    """A template from which a pool launches instances.

    Attributes:
        id: the id of the launch template; empty for a launch configuration or a launch specification.
        user_data: the decoded user data.
        terminations_disabled: whether EC2 refuses to terminate the instances (termination protection).
    """

    id: str
    version: str
    user_data: str = ""
    terminations_disabled: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """A container instance: the pool that its tags name, and the cluster that the tag `steady:cluster` names."""

    instance_id: str
    pool: PoolName | None
    cluster_tag: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A service, or the pool, that gets requests in ways in which service-out cannot deregister it.

    Attributes:
        ways: the names of the ways.
        service: the name of the service; "" for the cluster's pool.
    """

    ways: tuple[str, ...]
    service: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """All that the doctor has read of one cluster.

    Attributes:
        revisions: the task definitions in use, of services and of batch tasks.
        members: the container instances.
        unknown: the services, and the pool, whose targets are not all known.
        in_cloud_map: the names of the services that ECS registers in Cloud Map.
        hooks: the lifecycle transitions for which the group has a hook; ECS's own for managed draining is none.
        suspended: the names of the group's suspended processes.
        policies: the names of the group's scaling policies, without the one that managed scaling sets.
        schedules: the names of the group's scheduled actions.
        capacity_providers: the names of the capacity providers that scale the group.
        fleet_type: the type of the Spot Fleet; `maintain` for a group.
        spot_percent: how many percent of the group above its on-demand base are Spot Instances.
        capacity_rebalance: whether the group replaces Spot Instances that are at risk.
        others: the cluster's other pools.
        unregistered: the ids of the pool's instances that have run for long and are not registered with the cluster.
    """

    cluster: str
    pool: PoolName
    target_groups: tuple[TargetGroup, ...] = ()
    revisions: tuple[Revision, ...] = ()
    templates: tuple[LaunchTemplate, ...] = ()
    members: tuple[Member, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    in_cloud_map: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()
    capacity_providers: tuple[str, ...] = ()
    fleet_type: str = "maintain"
    spot_percent: int = 0
    capacity_rebalance: bool = False
    others: tuple[PoolName, ...] = ()
    unregistered: tuple[str, ...] = ()

    @property
    def on_spot(self) -> bool:
        """Whether EC2 can take the pool's instances back after a notice of 120 s."""
        return self.spot_percent > 0 or self.pool.kind.traits.purchase is Purchase.SPOT


@dataclass(frozen=True, slots=True)
class Finding:
    """One setting that does not fit the suite, or a note on one that the suite treats in a way of its own.

    Attributes:
        check: the name of the check, as `docs/doctor.md` lists it.
        thing: what has the setting.
        says: the setting and its value, as the rest of a sentence that `thing` begins.
        needed: the value that is needed; "" for a note.
        command: a command for a shell that corrects the setting; for a note, one that shows it.
    """

    check: str
    thing: str
    says: str
    needed: str
    command: str

    @property
    def is_note(self) -> bool:
        """Whether there is nothing to correct."""
        return not self.needed

    def __str__(self) -> str:
        if self.is_note:
            return f"{self.thing} {self.says}"
        return f"{self.thing} {self.says}: {self.needed} is needed"
