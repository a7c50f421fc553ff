"""Service-out: from what is seen of doomed instances, their tasks and their targets to the next right step.

The order is the promise: an instance is drained and the targets of its tasks are deregistered before any of them is
stopped, and a task whose target still takes requests is stopped only when its deadline leaves no more time.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from steady.cluster import InstanceStatus

# EC2: "Spot Instance interruption notices": two minutes.
NOTICE_S = 120
# The call itself, its retries, and the agent's poll: what must be left besides the stop timeout.
STOP_MARGIN_S = 8.0
# A daemon ships the last lines of the tasks that are stopped at the deadline: it is stopped by a later step than they.
DAEMON_LATER_S = 3.0
# How soon to look again: while something changes, while only batch tasks are waited for, and near a deadline.
SOON_S = 7
LATER_S = 15
NEAR_S = 10
NEAR_LOOK_S = 2
# A lifecycle hook may leave hours.
FAR_S = 600
FAR_LATER_S = 60
# An agent that is away for a moment still stops what it is told to: two stop timeouts, and some time to come back.
LOST_AGENT_S = 180


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One target of a target group: `id` is an instance id, or an IP address for `ip` target groups."""

    group_arn: str
    id: str
    port: int


class TargetState(StrEnum):
    """What a target still does: takes new requests, finishes those it has, or neither."""

    TAKING = "taking"
    DRAINING = "draining"
    LEFT = "left"


class TaskKind(StrEnum):
    """What stops a task's work: a service replaces it, a batch task ends by itself, a daemon flushes last."""

    SERVICE = "service"
    BATCH = "batch"
    DAEMON = "daemon"


@dataclass(frozen=True, slots=True)
class DoomedTask:
    """One task on a doomed instance. `stop_timeout_s` is the longest of its containers (ECS: 30 by default)."""

    arn: str
    container_instance_arn: str
    kind: TaskKind
    stop_timeout_s: int
    targets: frozenset[Target] = frozenset()
    stopping: bool = False
    # Under scale-in protection: it is given up only when it must be.
    protected: bool = False
    # It will be registered with its target groups, but is not RUNNING yet: its targets are not known.
    registering: bool = False


@dataclass(frozen=True, slots=True)
class LifecycleHook:
    """What waits for an Auto Scaling instance to be emptied. Times are in seconds; `beat_at` since the epoch."""

    group: str
    name: str
    token: str
    heartbeat_s: int = 0
    beat_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Doomed:
    """An instance that is about to go, and when. `deadline_s` and `noticed_at` are in seconds since the epoch.

    `container_instance_arn` is empty if the instance is not (or no longer) registered with the cluster.
    """

    instance_id: str
    cluster: str
    deadline_s: float
    container_instance_arn: str = ""
    hook: LifecycleHook | None = None
    noticed_at: float = 0.0
    # Whether a step has looked at its tasks, and deregistered their targets.
    looked_at: bool = False
    # Whether EC2 is ending it already: what still runs on it is killed.
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What a doomed instance looks like now. `task_count` is running and pending together, stopping ones included."""

    status: InstanceStatus
    task_count: int
    agent_connected: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now that the instances are draining: these targets out first, then these tasks, in their order."""

    to_deregister: tuple[Target, ...] = ()
    to_stop: tuple[DoomedTask, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a batch of doomed instances stands after a step, and in how many seconds to look again."""

    finished: tuple[Doomed, ...] = ()
    waiting: tuple[Doomed, ...] = ()
    next_in_s: int = SOON_S


def to_drain(seen: Mapping[str, Seen]) -> tuple[str, ...]:
    """The instances, by container instance ARN, on which ECS may still place a task."""
    return tuple(arn for arn, look in seen.items() if look.status is InstanceStatus.ACTIVE)


def next_step(
    doomed: Iterable[Doomed],
    seen: Mapping[str, Seen],
    tasks: Iterable[DoomedTask],
    target_states: Mapping[Target, TargetState],
    now: float,
) -> Step:
    """The step for `doomed`, all of which are draining by now.

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
    """Which instances are finished, now that the tasks `stopped` (ARNs) were asked to stop, and when to look again."""
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
    """When `task` must be stopped at the latest, so that its stop timeout ends before the instance does."""
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
    # The daemons are left alone until nothing but them runs, tasks that are still stopping included.
    daemons = sum(t.kind is TaskKind.DAEMON for t in here[task.container_instance_arn])
    look = seen.get(task.container_instance_arn)
    return task.kind is TaskKind.SERVICE or look is None or look.task_count <= daemons


def _has_left(task: DoomedTask, target_states: Mapping[Target, TargetState]) -> bool:
    states = (target_states.get(target, TargetState.LEFT) for target in task.targets)
    return not task.registering and all(state is TargetState.LEFT for state in states)


def _is_finished(instance: Doomed, look: Seen | None, left: list[DoomedTask], now: float) -> bool:
    if instance.hook:
        # Completing the hook lets the instance go: nothing may run on it any more.
        return look is None or look.task_count == 0 or _is_lost(instance, look, left, now)
    if not instance.container_instance_arn:
        # Not registered yet: it may still boot, and be given tasks, before it goes.
        return now >= instance.deadline_s
    return look is None or not left


def _is_lost(instance: Doomed, look: Seen, left: list[DoomedTask], now: float) -> bool:
    """Whether all was stopped, as far as ECS can, and there is no agent that would ever say that it has ended."""
    return not look.agent_connected and not left and now - instance.noticed_at >= LOST_AGENT_S


def _look_again_in(instance: Doomed, left: list[DoomedTask], now: float) -> float:
    until_due = min((last_stop_at(t, instance.deadline_s) for t in left), default=instance.deadline_s) - now
    if until_due <= NEAR_S:
        return NEAR_LOOK_S
    if not left or any(t.kind is TaskKind.SERVICE and not t.protected for t in left):
        return SOON_S
    if not any(_is_spared(t) for t in left):
        return SOON_S
    # Nothing changes until one of them ends by itself, or is due.
    return min(until_due - NEAR_S, LATER_S if until_due < FAR_S else FAR_LATER_S) + NEAR_LOOK_S


def _is_spared(task: DoomedTask) -> bool:
    return task.kind is TaskKind.BATCH or task.protected


def _urgency(task: DoomedTask) -> tuple[bool, bool, int, str]:
    # Load-balanced tasks first, daemons last, and among equals those that need the longest to stop.
    return (not task.targets, task.kind is TaskKind.DAEMON, -task.stop_timeout_s, task.arn)
