"""Choose when each task on the doomed instances is stopped: once its requests are over, and in time for its timeout."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from steady.cluster import DEFAULT_STOP_TIMEOUT_S
from steady.service_out.doomed import Doomed, DoomedTask, Seen, Target, TaskKind, tasks_of
from steady.service_out.one_at_a_time import waits_for_turn
from steady.service_out.stops import Rank, Stop, come_late, in_order, last_moments, last_stop_at, rank_of

# A load balancer may still send requests for some seconds after DeregisterTargets was answered.
STILL_SENT_S = 5.0
# containers-roadmap #470: a Network Load Balancer sends to a deregistered target for up to two minutes.
LINGERS_S = 120.0
# The stop of a task whose targets are kept is chosen by a look of these last seconds, and by none before.
LAST_LOOK_S = 10.0
# Targets that ELB has not taken yet are expected to leave within this many seconds.
LEAVES_IN_S = 12.0
# Stops further away than this are chosen by a later look.
HORIZON_S = 120.0
NOT_LEFT: Mapping[Target, float] = {}


def to_stop(
    doomed: Iterable[Doomed],
    seen: Mapping[str, Seen],
    tasks: Iterable[DoomedTask],
    drain_s: float,
    now: float,
    left_at: Mapping[Target, float] = NOT_LEFT,
) -> Sequence[Stop]:
    """Return the stops of the next two minutes, in the order in which they are to be made.

    >>> from steady.cluster import InstanceStatus
    >>> task = DoomedTask("task-arn", "arn-1", TaskKind.SERVICE, 30, frozenset({Target("group-arn", "i-1", 32768)}))
    >>> seen = {"arn-1": Seen(InstanceStatus.DRAINING, task_count=1)}
    >>> spot = Doomed("i-1", "web", 120.0, "arn-1", looked_at=True, deregistered_at=2.0)
    >>> [(stop.arn, stop.at, stop.by) for stop in to_stop([spot], seen, [task], drain_s=30, now=2.0)]
    [('task-arn', 32.0, 82.0)]

    Args:
        doomed: the instances as they are once the step's targets were deregistered.
        seen: by container instance ARN; a doomed instance that is not in it is no longer registered.
        tasks: the tasks that ECS wants RUNNING on any of the instances.
        left_at: when the targets were deregistered that have just left. Where tasks of an instance are in many target
            groups, the last one leaves some time after the first one.
    """
    doomed = list(doomed)
    here = tasks_of(doomed, tasks)
    moments = moments_of(doomed, tasks, {name for instance in doomed for name in instance.held})
    stops: list[Stop] = []
    foreseen: list[Stop] = []
    soonest: dict[str, float] = {}
    for instance in doomed:
        of_instance = here[instance.instance_id]
        look = seen.get(instance.container_instance_arn)
        daemons = sum(t.kind is TaskKind.DAEMON for t in of_instance)
        # Where there is little time, tasks that are stopping are not counted. ECS stops the daemons of a draining
        # instance itself, once nothing else is left on it.
        only_daemons = look is None or (_counts_stopping(instance) and look.task_count <= daemons)
        for task in of_instance:
            if not task.stopping:
                by = moments[task.arn]
                has_left_at = max((left_at.get(target, math.inf) for target in task.targets), default=math.inf)
                of_task = replace(instance, deregistered_at=min(instance.deregistered_at, has_left_at))
                at = _stop_at(task, of_task, by, only_daemons=only_daemons, drain_s=drain_s, now=now)
                is_held = task.service in instance.held and at > now + LAST_LOOK_S
                leaves_at = max(by, now + drain_s + LEAVES_IN_S) if is_held else at
                foreseen.append(Stop(task.arn, leaves_at, last_stop_at(task, instance.deadline_s)))
                if is_held:
                    continue
                stops.append(Stop(task.arn, at, by, rank_of(task)))
                if task.kind is TaskKind.BATCH:
                    soonest[task.arn] = _requests_end_at(task, instance, drain_s)
    if soonest and come_late(foreseen, now):
        # While nothing else may be stopped yet, batch tasks are: later there is no call left for them.
        stops = [replace(stop, at=min(stop.at, soonest.get(stop.arn, stop.at))) for stop in stops]
    return in_order((stop for stop in stops if stop.at <= now + HORIZON_S), now)


def come_late_by_number(
    doomed: Iterable[Doomed], counts: Mapping[str, int], shares: Mapping[Rank, float], drain_s: float, now: float
) -> bool:
    """Return whether the tasks on `doomed` cannot all be stopped by their last moments, as far as their numbers tell.

    Args:
        counts: how many tasks are on each, by container instance ARN.
        shares: of the tasks of each rank; none: every task takes requests.

    >>> fleet = [Doomed(f"i-{n}", "web", 120.0, f"arn-{n}") for n in range(500)]
    >>> nine, three = ({d.container_instance_arn: count for d in fleet} for count in (9, 3))
    >>> [come_late_by_number(fleet, counts, {}, drain_s=20, now=5.0) for counts in (nine, three)]
    [True, False]
    """
    doomed = list(doomed)
    tasks: list[tuple[Rank, DoomedTask, float]] = []
    kinds = {Rank.BATCH: TaskKind.BATCH, Rank.DAEMON: TaskKind.DAEMON}
    for instance in doomed:
        arn = instance.container_instance_arn
        left = counts.get(arn, 0)
        for rank in (Rank.SERVICE, Rank.BATCH, Rank.DAEMON, Rank.SERVED):
            some = left if rank is Rank.SERVED else min(left, round(counts.get(arn, 0) * shares.get(rank, 0.0)))
            left -= some
            for number in range(some):
                name = f"{arn} {rank} {number}"
                task = DoomedTask(name, arn, kinds.get(rank, TaskKind.SERVICE), DEFAULT_STOP_TIMEOUT_S)
                tasks.append((rank, task, last_stop_at(task, instance.deadline_s)))
    moments = moments_of(doomed, [task for _, task, _ in tasks])
    leave_at = now + drain_s + LEAVES_IN_S

    def at(rank: Rank, task: DoomedTask, by: float) -> float:
        if rank is Rank.SERVED:
            return min(leave_at, by)
        return now if rank is Rank.SERVICE else moments[task.arn]

    return come_late((Stop(task.arn, at(rank, task, by), by) for rank, task, by in tasks), now)


def _counts_stopping(instance: Doomed) -> bool:
    """Return whether the tasks that are stopping on `instance` are among those that were counted."""
    return instance.waits_under_hook or instance.is_patient


def _stop_at(task: DoomedTask, instance: Doomed, by: float, *, only_daemons: bool, drain_s: float, now: float) -> float:
    """Return before which time `task` is not stopped."""
    if task.is_spared and not waits_for_turn(task, instance):
        at = by
    elif task.kind is TaskKind.DAEMON:
        at = max(now, _requests_end_at(task, instance, drain_s)) if only_daemons else by
    elif instance.is_patient and task.replaced_first:
        at = max(by, _requests_end_at(task, instance, drain_s))
    else:
        at = _requests_end_at(task, instance, drain_s)
    at = min(at, last_stop_at(task, instance.deadline_s))
    if task.targets and not instance.gone:
        # Where the stop timeout does not fit at all: not while requests still come.
        at = max(at, (instance.deregistered_at or now) + STILL_SENT_S)
    return at


def _requests_end_at(task: DoomedTask, instance: Doomed, drain_s: float) -> float:
    if task.service in instance.held:
        return math.inf
    # Any task may be the one that takes the requests to the instance itself.
    of_pool = instance.pool_left_at + drain_s if instance.pool_left_at else 0.0
    after_s = max(drain_s, LINGERS_S) if task.targets_unknown else drain_s
    return max(of_pool, instance.deregistered_at + after_s if task.targets else 0.0)


def moments_of(
    doomed: Iterable[Doomed], tasks: Iterable[DoomedTask], latest_of: Collection[str] = frozenset()
) -> Mapping[str, float]:
    """Return by when each task on `doomed` must be stopped so that all of them can be, by ARN.

    Args:
        latest_of: the names of services whose targets are kept: their tasks are stopped last.
    """
    deadlines = {instance.container_instance_arn: instance.deadline_s for instance in doomed}
    return last_moments(
        (
            (t, deadlines[t.container_instance_arn])
            for t in tasks
            if not t.stopping and t.container_instance_arn in deadlines
        ),
        latest_of,
    )
