"""Choose the next step of a service-out from the state of the doomed instances, their tasks and their targets.

The order is the promise. An instance is drained, and the targets of its tasks are deregistered, before any of its tasks
is stopped. A task whose target still takes requests is stopped only when its deadline leaves no more time.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from steady.cluster import InstanceStatus

# EC2, "Spot Instance interruption notices": two minutes.
NOTICE_S = 120
# The time for the StopTask call, its retries and the agent's poll; the stop timeout begins after it.
STOP_MARGIN_S = 8.0
# At the deadline a daemon is stopped this much later than other tasks, by a later step: it ships their last log lines.
DAEMON_LATER_S = 3.0
# Seconds to the next look while services' targets drain and tasks stop.
SOON_S = 7
# Seconds to the next look while only batch or protected tasks are left; FAR_LATER_S if the first of them is due in
# FAR_S or later, as under a lifecycle hook of some hours.
LATER_S = 15
FAR_S = 600
FAR_LATER_S = 60
# A task that is due within NEAR_S is looked at every NEAR_LOOK_S.
NEAR_S = 10
NEAR_LOOK_S = 2
# An agent that has been disconnected for this long after the notice will not report that a task has stopped. Two stop
# timeouts, and some time to reconnect.
LOST_AGENT_S = 180


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One target of a target group: `id` is an instance id, or an IP address for `ip` target groups."""

    group_arn: str
    id: str
    port: int


class TargetState(StrEnum):
    """The state of a target: it takes new requests, it finishes those that it has, or it has left its group."""

    TAKING = "taking"
    DRAINING = "draining"
    LEFT = "left"


class TaskKind(StrEnum):
    """The kind of a task: a service replaces it, a batch task ends by itself, a daemon is stopped last."""

    SERVICE = "service"
    BATCH = "batch"
    DAEMON = "daemon"


@dataclass(frozen=True, slots=True)
class DoomedTask:
    """One task on a doomed instance.

    Attributes:
        stop_timeout_s: the longest of its containers (ECS: 30 by default).
        stopping: whether ECS has been asked to stop it.
        protected: whether it is under scale-in protection: it is stopped only at its deadline.
        targets_unknown: whether requests may reach it by a target that is not known, or not known yet. It is stopped as
            late as a batch task.
    """

    arn: str
    container_instance_arn: str
    kind: TaskKind
    stop_timeout_s: int
    targets: frozenset[Target] = frozenset()
    stopping: bool = False
    protected: bool = False
    targets_unknown: bool = False


@dataclass(frozen=True, slots=True)
class LifecycleHook:
    """A lifecycle hook of an Auto Scaling group that holds an instance until the hook is completed.

    Attributes:
        token: the action token of this instance's wait.
        heartbeat_s: the hook's heartbeat timeout, in seconds.
        beat_at: when the last heartbeat was sent, in seconds since the epoch.
    """

    group: str
    name: str
    token: str
    heartbeat_s: int = 0
    beat_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Doomed:
    """An instance that is about to go.

    Attributes:
        deadline_s: when it ends, in seconds since the epoch.
        container_instance_arn: "" if the instance is not (or no longer) registered with the cluster.
        noticed_at: the time of its notice, in seconds since the epoch.
        looked_at: whether a step has read its tasks and deregistered their targets.
        gone: whether EC2 is ending it already: every task that still runs on it is killed.
    """

    instance_id: str
    cluster: str
    deadline_s: float
    container_instance_arn: str = ""
    hook: LifecycleHook | None = None
    noticed_at: float = 0.0
    looked_at: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """The state of a doomed instance. `task_count` is its running, pending and stopping tasks together."""

    status: InstanceStatus
    task_count: int
    agent_connected: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """The next calls for draining instances: first deregister the targets, then stop the tasks in order."""

    to_deregister: tuple[Target, ...] = ()
    to_stop: tuple[DoomedTask, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """The doomed instances that are finished after a step, those that are not, and the seconds to the next look."""

    finished: tuple[Doomed, ...] = ()
    waiting: tuple[Doomed, ...] = ()
    next_in_s: int = SOON_S


def to_drain(seen: Mapping[str, Seen]) -> tuple[str, ...]:
    """Return the ARNs of the container instances on which ECS may still place a task."""
    return tuple(arn for arn, look in seen.items() if look.status is InstanceStatus.ACTIVE)


def next_step(
    doomed: Iterable[Doomed],
    seen: Mapping[str, Seen],
    tasks: Iterable[DoomedTask],
    target_states: Mapping[Target, TargetState],
    now: float,
) -> Step:
    """Return the step for `doomed`, all of which are draining by now.

    The targets that still take requests are deregistered. A task is stopped once its targets have left.

    >>> api = Target("group-arn", "i-1", 32768)
    >>> task = DoomedTask("task-arn", "arn-1", TaskKind.SERVICE, stop_timeout_s=30, targets=frozenset({api}))
    >>> seen = {"arn-1": Seen(InstanceStatus.DRAINING, task_count=1)}
    >>> instance = Doomed("i-1", "web", deadline_s=120.0, container_instance_arn="arn-1")
    >>> first = next_step([instance], seen, [task], {api: TargetState.TAKING}, now=2.0)
    >>> first.to_deregister == (api,), first.to_stop
    (True, ())
    >>> later = next_step([instance], seen, [task], {api: TargetState.LEFT}, now=40.0)
    >>> later.to_deregister, later.to_stop == (task,)
    ((), True)

    Args:
        seen: by container instance ARN; a doomed instance that is not in it is no longer registered.
        tasks: the tasks that ECS wants RUNNING on any of the instances.
        target_states: of every target of `tasks`; one that is missing has left.
        now: seconds since the epoch.
    """
    here = _by_instance(tasks)
    due = [
        task
        for instance in doomed
        for task in here.get(instance.container_instance_arn, [])
        if not task.stopping and _is_due(task, instance, seen, here, target_states, now)
    ]
    taking = (target for target, state in target_states.items() if state is TargetState.TAKING)
    return Step(tuple(sorted(taking)), tuple(sorted(due, key=_urgency)))


def progress(
    doomed: Iterable[Doomed],
    seen: Mapping[str, Seen],
    tasks: Iterable[DoomedTask],
    stopped: Collection[str],
    now: float,
) -> Progress:
    """Return which instances are finished once the tasks `stopped` (ARNs) have been asked to stop, and the next look.

    Args:
        seen: by container instance ARN; a doomed instance that is not in it is no longer registered.
        tasks: the tasks that ECS wants RUNNING on any of the instances.
        now: seconds since the epoch.
    """
    here = _by_instance(t for t in tasks if not t.stopping and t.arn not in stopped)
    finished: list[Doomed] = []
    waiting: list[Doomed] = []
    waits: list[float] = []
    for instance in doomed:
        left = here.get(instance.container_instance_arn, [])
        if _is_finished(instance, seen.get(instance.container_instance_arn), left, now):
            finished.append(instance)
        else:
            waiting.append(instance)
            waits.append(_look_again_in(instance, left, now))
    return Progress(tuple(finished), tuple(waiting), math.ceil(min(waits, default=SOON_S)))


def last_stop_at(task: DoomedTask, deadline_s: float) -> float:
    """Return when `task` must be stopped at the latest, so that its stop timeout ends before the instance does.

    >>> last_stop_at(DoomedTask("task-arn", "arn-1", TaskKind.BATCH, stop_timeout_s=30), deadline_s=120.0)
    82.0
    """
    later_s = DAEMON_LATER_S if task.kind is TaskKind.DAEMON else 0.0
    return deadline_s - task.stop_timeout_s - STOP_MARGIN_S + later_s


def _by_instance(tasks: Iterable[DoomedTask]) -> dict[str, list[DoomedTask]]:
    found: dict[str, list[DoomedTask]] = {}
    for task in tasks:
        found.setdefault(task.container_instance_arn, []).append(task)
    return found


def _is_due(
    task: DoomedTask,
    instance: Doomed,
    seen: Mapping[str, Seen],
    here: Mapping[str, list[DoomedTask]],
    target_states: Mapping[Target, TargetState],
    now: float,
) -> bool:
    if now >= last_stop_at(task, instance.deadline_s):
        return True
    if task.kind is TaskKind.BATCH or task.protected or not _has_left(task, target_states):
        return False
    # Daemons are stopped only when nothing else is on the instance, not even a task that is still stopping.
    daemons = sum(t.kind is TaskKind.DAEMON for t in here[task.container_instance_arn])
    look = seen.get(task.container_instance_arn)
    return task.kind is TaskKind.SERVICE or look is None or look.task_count <= daemons


def _has_left(task: DoomedTask, target_states: Mapping[Target, TargetState]) -> bool:
    states = (target_states.get(target, TargetState.LEFT) for target in task.targets)
    return not task.targets_unknown and all(state is TargetState.LEFT for state in states)


def _is_finished(instance: Doomed, look: Seen | None, left: list[DoomedTask], now: float) -> bool:
    if instance.hook:
        # Completing the hook lets the instance go: nothing may run on it any more.
        return look is None or look.task_count == 0 or _is_lost(instance, look, left, now)
    if not instance.container_instance_arn:
        # Not registered yet: it may still boot, and be given tasks, before it goes.
        return now >= instance.deadline_s
    return look is None or not left


def _is_lost(instance: Doomed, look: Seen, left: list[DoomedTask], now: float) -> bool:
    """Return whether every task has been asked to stop, and no agent will report that they have stopped."""
    return not look.agent_connected and not left and now - instance.noticed_at >= LOST_AGENT_S


def _look_again_in(instance: Doomed, left: list[DoomedTask], now: float) -> float:
    until_due = min((last_stop_at(t, instance.deadline_s) for t in left), default=instance.deadline_s) - now
    if until_due <= NEAR_S:
        return NEAR_LOOK_S
    if not left or any(t.kind is TaskKind.SERVICE and not t.protected for t in left):
        return SOON_S
    if not any(_is_spared(t) for t in left):
        return SOON_S
    # Nothing changes until one of these tasks ends by itself, or is due.
    return min(until_due - NEAR_S, LATER_S if until_due < FAR_S else FAR_LATER_S) + NEAR_LOOK_S


def _is_spared(task: DoomedTask) -> bool:
    return task.kind is TaskKind.BATCH or task.protected


def _urgency(task: DoomedTask) -> tuple[bool, bool, int, str]:
    # Load-balanced tasks first, daemons last, and among equals the longest stop timeout first.
    return (not task.targets, task.kind is TaskKind.DAEMON, -task.stop_timeout_s, task.arn)
