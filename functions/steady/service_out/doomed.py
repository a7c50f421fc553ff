"""What service-out knows: instances that are about to go, their lifecycle hooks, and the tasks and targets on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from steady.cluster import InstanceStatus
from steady.drain_mark import DrainMark

# EC2, "Spot Instance interruption notices": two minutes.
NOTICE_S = 120
# An instance that has more time than this from its notice to its end has time for ECS to replace its tasks first.
PATIENT_FROM_S = 180


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One target of a target group, or what ECS has registered for a task in a service of Cloud Map.

    Attributes:
        group_arn: the ARN of the target group, or of the service of Cloud Map.
        id: an instance id, an IP address (`ip` target groups), or the id of the task (Cloud Map).
        port: 0 in Cloud Map.
    """

    group_arn: str
    id: str
    port: int

    @property
    def is_in_cloud_map(self) -> bool:
        """Whether it is not a load balancer's.

        >>> arn = "arn:aws:servicediscovery:eu-west-1:111122223333:service/srv-e4anhexample0004"
        >>> Target(arn, "0f3a", 0).is_in_cloud_map
        True
        """
        return is_of_cloud_map(self.group_arn)


def is_of_cloud_map(arn: str) -> bool:
    """Return whether `arn` is that of a service of Cloud Map, and not of a target group."""
    return arn.split(":", 3)[2:3] == ["servicediscovery"]


class TaskKind(StrEnum):
    """The kind of a task: a service replaces it, a batch task ends by itself, a daemon is stopped last."""

    SERVICE = "service"
    BATCH = "batch"
    DAEMON = "daemon"


@dataclass(frozen=True, slots=True)
class DoomedTask:
    """One task on a doomed instance.

    Attributes:
        stop_timeout_s: seconds from SIGTERM to SIGKILL (ECS: 30 by default).
        stopping: whether ECS has been asked to stop it.
        protected: whether it is under scale-in protection: it is stopped only at its deadline.
        targets_unknown: whether requests may reach it by a target that is not known, or not known yet. It is stopped as
            late as a batch task.
        service: the name of its service; "" without one.
        replaced_first: whether ECS starts its replacement before it stops the task itself.
        started_at: when it became RUNNING, in seconds since the epoch; its targets are registered then.
    """

    arn: str
    container_instance_arn: str
    kind: TaskKind
    stop_timeout_s: int
    targets: frozenset[Target] = frozenset()
    stopping: bool = False
    protected: bool = False
    targets_unknown: bool = False
    service: str = ""
    replaced_first: bool = True
    started_at: float = 0.0

    @property
    def is_spared(self) -> bool:
        """Whether it is stopped as late as it can be: it ends by itself, is protected, or may still get requests."""
        return self.kind is TaskKind.BATCH or self.protected or self.targets_unknown


@dataclass(frozen=True, slots=True)
class LifecycleHook:
    """A lifecycle hook of an Auto Scaling group that holds an instance until the hook is completed.

    Attributes:
        token: the action token of this instance's wait; "": not known, the wait is named by the instance's id.
        heartbeat_s: the hook's heartbeat timeout, in seconds.
        beat_at: when the last heartbeat was sent, in seconds since the epoch.
    """

    group: str
    name: str
    token: str = ""
    heartbeat_s: int = 0
    beat_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Doomed:
    """An instance that is about to go.

    Attributes:
        deadline_s: when it ends, in seconds since the epoch.
        container_instance_arn: "" if the instance is not (or no longer) registered with the cluster.
        stale: ARNs of other container instances of it, whose tasks run on although no agent hears of them.
        hooks: the lifecycle hooks that hold it and that we answer, each by its own token.
        noticed_at: the time of its notice, in seconds since the epoch.
        looked_at: whether a step has read its tasks.
        deregistered_at: when targets of its tasks were last deregistered, in seconds since the epoch; 0: none was yet.
        held: the names of the services whose targets on it may still take requests: they are kept for now, or ELB has
            not taken the call yet.
        pool_left_at: when it was deregistered from the target groups in which its pool has registered it; 0: there are
            none; None: that is not known yet.
        drain_from: when it is drained, in seconds since the epoch: no sooner than this.
        gone: whether EC2 is ending it already: every task that still runs on it is killed.
        mark: the drain mark that is to be written on it; None: it has been written, or the instance always goes.
        event: the name of the event whose deadline it has, if a newer notice of this event may put it off.
        in_renewal: whether nothing ends it but scaling, once its batch tasks have been stopped.
    """

    instance_id: str
    cluster: str
    deadline_s: float
    container_instance_arn: str = ""
    hooks: tuple[LifecycleHook, ...] = ()
    noticed_at: float = 0.0
    looked_at: bool = False
    deregistered_at: float = 0.0
    held: tuple[str, ...] = ()
    pool_left_at: float | None = None
    drain_from: float = 0.0
    gone: bool = False
    mark: DrainMark | None = None
    event: str = ""
    stale: tuple[str, ...] = ()
    in_renewal: bool = False

    @property
    def registrations(self) -> tuple[str, ...]:
        """The ARNs of all its container instances."""
        return (self.container_instance_arn, *self.stale) if self.container_instance_arn else ()

    @property
    def is_patient(self) -> bool:
        """Whether there is time for ECS to replace its tasks: minutes to days, where a Spot notice leaves two minutes.

        >>> Doomed("i-1", "web", deadline_s=120.0).is_patient, Doomed("i-1", "web", deadline_s=7200.0).is_patient
        (False, True)
        """
        return self.deadline_s - self.noticed_at > PATIENT_FROM_S

    @property
    def waits_under_hook(self) -> bool:
        """Whether a hook decides when it ends. EC2 ends a Spot instance that it takes back before most hooks do.

        An Auto Scaling group with Capacity Rebalancing calls its hook at the interruption notice, too. A hook with a
        shorter heartbeat timeout than what is left of the notice still has to be held.

        >>> hook = LifecycleHook("web", "drain", heartbeat_s=300, beat_at=0.0)
        >>> Doomed("i-1", "web", 7200.0, hooks=(hook,)).waits_under_hook
        True
        >>> Doomed("i-1", "web", 120.0, hooks=(hook,)).waits_under_hook
        False
        >>> short = LifecycleHook("web", "drain", heartbeat_s=60)
        >>> Doomed("i-1", "web", 120.0, hooks=(short,)).waits_under_hook
        True
        """
        ends_first = any(hook.beat_at + hook.heartbeat_s <= self.deadline_s for hook in self.hooks)
        return ends_first or (self.is_patient and bool(self.hooks))


@dataclass(frozen=True, slots=True)
class Seen:
    """The state of a doomed instance. `task_count` is its running, pending and stopping tasks together.

    `is_incomplete`: ECS counts more tasks on it than it has described, so that some are not known.
    """

    status: InstanceStatus
    task_count: int
    agent_connected: bool = True
    is_incomplete: bool = False


def tasks_of(doomed: Iterable[Doomed], tasks: Iterable[DoomedTask]) -> dict[str, list[DoomedTask]]:
    """Return the tasks on each instance, by its id."""
    found: dict[str, list[DoomedTask]] = {}
    for task in tasks:
        found.setdefault(task.container_instance_arn, []).append(task)
    return {instance.instance_id: found.get(instance.container_instance_arn, []) for instance in doomed}
