"""Choose the next step of a service-out from the state of the doomed instances and their tasks.

The order is the promise. An instance is drained, and the targets of its tasks are deregistered, before any of its tasks
is stopped. A task is stopped once the requests that its targets had are over, or when its deadline leaves no more time.
Where there is time, ECS replaces the tasks of services first; only what is left near the deadline is stopped.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from steady.api_budget.limits import DEREGISTER_BUCKET
from steady.cluster import InstanceStatus
from steady.service_out.doomed import Doomed, DoomedTask, Seen, Target, tasks_of
from steady.service_out.one_at_a_time import waits_for_turn
from steady.service_out.stopping import LINGERS_S, STILL_SENT_S, moments_of

# Kept targets are deregistered this much earlier than their requests need: ELB may refuse it for a while. Where there
# are so many target groups that the calls take their time, these seconds are less, but not less than a step takes that
# the spare copy of a continuation does again.
RELEASE_MARGIN_S, LEAST_RELEASE_MARGIN_S = 32.0, 12.0
# Kept targets of a service leave together where their instances end within so many seconds, as in one reclaim.
TOGETHER_S = 20.0
# Seconds to the next look while tasks of services are left, or while tasks stop.
SOON_S = 7
# Seconds to the next look while only batch or protected tasks are left; FAR_LATER_S if the first of them is due in
# FAR_S or later, as under a lifecycle hook of some hours.
LATER_S = 15
FAR_S = 600
FAR_LATER_S = 60
# A look comes this long before the next task is due: what it reads takes time.
BEFORE_DUE_S = 3.0
# An agent that has been disconnected for this long after the notice will not report that a task has stopped. Two stop
# timeouts, and some time to reconnect.
LOST_AGENT_S = 180
NO_TURNS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Release:
    """The targets to deregister now, and the services whose targets are kept for now, by instance id."""

    targets: tuple[Target, ...] = ()
    held: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """The doomed instances that are finished after a step, those that are not, and the seconds to the next look."""

    finished: tuple[Doomed, ...] = ()
    waiting: tuple[Doomed, ...] = ()
    next_in_s: int = SOON_S


def to_drain(seen: Mapping[str, Seen]) -> tuple[str, ...]:
    """Return the ARNs of the container instances on which ECS may still place a task."""
    return tuple(arn for arn, look in seen.items() if look.status is InstanceStatus.ACTIVE)


def to_release(
    doomed: Iterable[Doomed],
    tasks: Iterable[DoomedTask],
    alone: Collection[str],
    drain_s: float,
    now: float,
    turns: Mapping[str, str] = NO_TURNS,
) -> Release:
    """Return which targets are deregistered now, and which instances keep some.

    A target is kept as long as the order allows in three cases: its service would have no healthy target without those
    on doomed instances; there is time for ECS to replace its task first; or there is time, ECS cannot do that, and it
    is another instance's turn. On an instance whose targets all were deregistered by an earlier step, only the targets
    of tasks that have started since are deregistered.

    >>> from steady.service_out.doomed import TaskKind
    >>> api = Target("group-arn", "i-1", 32768)
    >>> task = DoomedTask("task-arn", "arn-1", TaskKind.SERVICE, 30, frozenset({api}), service="api")
    >>> spot = Doomed("i-1", "web", deadline_s=120.0, container_instance_arn="arn-1")
    >>> to_release([spot], [task], alone=[], drain_s=30, now=2.0).targets == (api,)
    True
    >>> to_release([spot], [task], alone=["api"], drain_s=30, now=2.0).held
    {'i-1': frozenset({'api'})}

    Args:
        tasks: the tasks that ECS wants RUNNING on any of the instances.
        alone: the names of services all of whose healthy targets are on doomed instances.
        drain_s: seconds in which the longest request ends.
        now: seconds since the epoch.
        turns: the instance whose turn it is, by the name of the service (`steady.service_out.one_at_a_time`).
    """
    doomed, tasks = list(doomed), list(tasks)
    here, moments = tasks_of(doomed, tasks), moments_of(doomed, tasks, alone)
    release_at = _release_times(doomed, here, moments, drain_s)
    targets: set[Target] = set()
    held: dict[str, set[str]] = {}
    for instance in doomed:
        for task in here[instance.instance_id]:
            is_kept = _is_kept(task, instance, alone, turns) and not instance.gone
            if is_kept and now < release_at.get((task.service, instance.deadline_s), 0.0):
                held.setdefault(instance.instance_id, set()).add(task.service)
            elif _is_to_deregister(task, instance):
                targets |= task.targets
    return Release(tuple(sorted(targets)), {id_: frozenset(names) for id_, names in held.items()})


def may_be_kept(doomed: Iterable[Doomed], tasks: Iterable[DoomedTask], now: float) -> frozenset[str]:
    """Return the names of the services whose targets may be kept after `now`, if they are the last healthy ones.

    Where stops begin soon, no target is: whether others are healthy decides nothing.

    >>> from steady.service_out.doomed import TaskKind
    >>> api = Target("group-arn", "i-1", 32768)
    >>> task = DoomedTask("task-arn", "arn-1", TaskKind.SERVICE, 30, frozenset({api}), service="api")
    >>> spot = Doomed("i-1", "web", deadline_s=120.0, container_instance_arn="arn-1")
    >>> may_be_kept([spot], [task], now=2.0), may_be_kept([spot], [task], now=52.0)
    (frozenset({'api'}), frozenset())
    """
    doomed, tasks = list(doomed), list(tasks)
    at_the_latest = _release_times(doomed, tasks_of(doomed, tasks), moments_of(doomed, tasks), drain_s=0.0)
    return frozenset(name for (name, _), at in at_the_latest.items() if now < at)


def _is_kept(task: DoomedTask, instance: Doomed, alone: Collection[str], turns: Mapping[str, str]) -> bool:
    if waits_for_turn(task, instance):
        has_left = instance.looked_at and task.service not in instance.held
        return not has_left and turns.get(task.service) != instance.instance_id
    may_wait = instance.is_patient and (task.replaced_first or task.is_spared)
    return bool(task.targets) and (may_wait or task.service in alone)


def _release_times(
    doomed: Iterable[Doomed], here: Mapping[str, Sequence[DoomedTask]], moments: Mapping[str, float], drain_s: float
) -> Mapping[tuple[str, float], float]:
    """Return when kept targets are deregistered at the latest, by their service's name and their instance's deadline.

    Those of instances that end together leave together: a call for each target group takes its time, and ELB takes few
    of them in a second. One that ends much later, as under a lifecycle hook, does not wait for them: it still serves.

    Args:
        here: the tasks on each instance, by its id.
    """
    of_service: dict[str, dict[float, float]] = {}
    groups: set[str] = set()
    for instance in doomed:
        for task in here[instance.instance_id]:
            groups |= {target.group_arn for target in task.targets}
            if task.arn in moments:
                leaves_for_s = max(drain_s if task.targets else 0.0, LINGERS_S if task.targets_unknown else 0.0)
                known = of_service.setdefault(task.service, {})
                at = moments[task.arn] - leaves_for_s
                known[instance.deadline_s] = min(at, known.get(instance.deadline_s, math.inf))
    calls_s = max(0.0, (len(groups) - DEREGISTER_BUCKET.burst) / DEREGISTER_BUCKET.refill_per_s)
    earlier_s = max(RELEASE_MARGIN_S, LEAST_RELEASE_MARGIN_S + calls_s)
    return {
        (name, deadline_s): at - earlier_s
        for name, times in of_service.items()
        for deadline_s, at in _together(times).items()
    }


def _together(times: Mapping[float, float]) -> Mapping[float, float]:
    """Return the `times`, by deadline, with the first of those whose deadlines are within `TOGETHER_S` seconds.

    >>> _together({120.0: 30.0, 125.0: 35.0, 7200.0: 7110.0})
    {120.0: 30.0, 125.0: 30.0, 7200.0: 7110.0}
    """
    first_of: dict[float, float] = {}
    leaves_at: dict[float, float] = {}
    first = -math.inf
    for deadline_s in sorted(times):
        if deadline_s > first + TOGETHER_S:
            first = deadline_s
        first_of[deadline_s] = first
        leaves_at[first] = min(times[deadline_s], leaves_at.get(first, math.inf))
    return {deadline_s: leaves_at[first] for deadline_s, first in first_of.items()}


def _is_to_deregister(task: DoomedTask, instance: Doomed) -> bool:
    has_left = instance.looked_at and task.service not in instance.held
    return not has_left or task.started_at >= max(1.0, instance.deregistered_at - STILL_SENT_S)


def after_release(
    instance: Doomed, release: Release, here: Sequence[DoomedTask], refused: Collection[Target], now: float
) -> Doomed:
    """Return `instance` as it is once the targets of `release` were deregistered, less those that ELB `refused`.

    Args:
        here: the tasks on the instance.
    """
    kept = release.held.get(instance.instance_id, frozenset())
    refusing = {task.service for task in here if not task.targets.isdisjoint(refused)}
    leaving = {t.service for t in here if t.targets and t.service not in kept and _is_to_deregister(t, instance)}
    return replace(
        instance,
        looked_at=True,
        held=tuple(sorted(kept | refusing)),
        deregistered_at=now if leaving - refusing else instance.deregistered_at,
    )


def progress(
    doomed: Iterable[Doomed],
    seen: Mapping[str, Seen],
    tasks: Iterable[DoomedTask],
    stopped: Collection[str],
    drain_s: float,
    now: float,
) -> Progress:
    """Return which instances are finished once the tasks `stopped` (ARNs) have been asked to stop, and the next look.

    Args:
        seen: by container instance ARN; a doomed instance that is not in it is no longer registered.
        tasks: the tasks that ECS wants RUNNING on any of the instances.
        now: seconds since the epoch.
    """
    doomed = list(doomed)
    left = [t for t in tasks if not t.stopping and t.arn not in stopped]
    here, moments = tasks_of(doomed, left), moments_of(doomed, left)
    release_at = _release_times(doomed, here, moments, drain_s)
    finished: list[Doomed] = []
    waiting: list[Doomed] = []
    waits: list[float] = []
    for instance in doomed:
        of_instance = here[instance.instance_id]
        if _is_finished(instance, seen.get(instance.container_instance_arn), of_instance, now):
            finished.append(instance)
        else:
            waiting.append(instance)
            waits.append(_look_again_in(instance, of_instance, moments, release_at, now))
    return Progress(tuple(finished), tuple(waiting), max(1, math.floor(min(waits, default=SOON_S))))


def _is_finished(instance: Doomed, look: Seen | None, left: Sequence[DoomedTask], now: float) -> bool:
    if instance.waits_under_hook:
        # Completing the hook lets the instance go: nothing may run on it any more.
        return look is None or look.task_count == 0 or _is_lost(instance, look, left, now)
    if not instance.container_instance_arn:
        # Not registered yet: it may still boot, and be given tasks, before it goes.
        return now >= instance.deadline_s
    if look is None or now >= instance.deadline_s + FAR_S:
        return True
    # One that ECS has not drained may be given tasks.
    return not left and not look.is_incomplete and look.status is not InstanceStatus.ACTIVE


def _is_lost(instance: Doomed, look: Seen, left: Sequence[DoomedTask], now: float) -> bool:
    """Return whether every task has been asked to stop, and no agent will report that they have stopped."""
    are_told = not left and not look.is_incomplete
    return not look.agent_connected and are_told and now - instance.noticed_at >= LOST_AGENT_S


def _look_again_in(
    instance: Doomed,
    left: Sequence[DoomedTask],
    moments: Mapping[str, float],
    release_at: Mapping[tuple[str, float], float],
    now: float,
) -> float:
    releases = [release_at.get((name, instance.deadline_s), math.inf) for name in instance.held]
    due = [*(moments[task.arn] for task in left), *releases]
    until_due = min(due, default=math.inf) - now - BEFORE_DUE_S
    others = any(not task.is_spared for task in left)
    if not left or (others and now - max(instance.noticed_at, instance.deregistered_at) < FAR_S):
        usual = SOON_S
    else:
        usual = LATER_S if until_due < FAR_S else FAR_LATER_S
    return min(usual, max(1.0, until_due))
