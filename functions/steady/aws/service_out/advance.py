"""Do one step on a cluster: drain, deregister, stop tasks, and complete the lifecycle hooks of finished instances."""

from __future__ import annotations

import math
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from steady.aws.ecs.container_instances import describe_instances, set_draining
from steady.aws.ecs.tasks import Stopped, stop_tasks, with_stopping
from steady.aws.runtime import Runtime
from steady.aws.service_out import targets
from steady.aws.service_out.doomed_tasks import find_alone, find_turns, read_doomed_tasks
from steady.aws.service_out.hook_answers import complete_hooks, send_heartbeats
from steady.aws.service_out.pool_targets import leave_pool
from steady.cluster import ContainerInstance, InstanceStatus
from steady.service_out.doomed import Doomed, DoomedTask, Seen, TaskKind, tasks_of
from steady.service_out.drain import after_release, progress, to_drain, to_release, to_stop
from steady.service_out.marking import still_doomed
from steady.service_out.stops import Stop, fill, in_order

if TYPE_CHECKING:
    from steady.thresholds import ClusterSettings

STOP_REASON = "ecs-steady: the instance is about to go"
# The cluster's settings may be this old, in seconds.
SETTINGS_MAX_AGE_S = 300.0
# Seconds of one step in which targets are deregistered: with a hundred target groups, ELB's rate takes longer.
DEREGISTER_FOR_S = 6.0
SHORTEST_ROUND_S = 3.0
# Seconds for which stops are made while the instances are looked at.
LOOK_S = 6.0
# SQS: 256 KiB a message. A stop takes about 50 bytes of it.
MOST_DUE = 3000


@dataclass(frozen=True, slots=True)
class Advance:
    """The work that a step has done, and the work that it has left.

    Attributes:
        waiting: instances that are not finished.
        due: the stops that wait for their time, or for their turn, in their order.
        next_in_s: seconds to the next look at `waiting`.
        deregistered: how many targets were deregistered.
        refused: how many target groups, instances, tasks and hooks refused what was asked; the next step asks again.
        stopped: how many tasks were stopped.
        tasks_left: how many tasks are still to be stopped, as far as this step has looked.
        killed: how many tasks still ran on instances that EC2 was ending already.
        deregistered_after_s: the longest time from a notice until its targets were deregistered, of the instances that
            were looked at for the first time; None if there was none.
    """

    waiting: tuple[Doomed, ...] = ()
    finished: tuple[Doomed, ...] = ()
    due: tuple[Stop, ...] = ()
    next_in_s: int = 0
    deregistered: int = 0
    refused: int = 0
    stopped: int = 0
    tasks_left: int = 0
    killed: int = 0
    deregistered_after_s: float | None = None

    def continues_in_s(self, now: float) -> float:
        """Return the seconds from `now` until the next look or shortly before the next stop; negative: it is late."""
        until_due_s = min((stop.at for stop in self.due), default=math.inf) - now - 1
        return min(self.next_in_s, until_due_s) if self.waiting else until_due_s


@dataclass(frozen=True, slots=True)
class Look:
    """A look at doomed instances: what was read, what was deregistered, and the stops that follow."""

    doomed: Sequence[Doomed] = ()
    instances: Sequence[ContainerInstance] = ()
    tasks: Sequence[DoomedTask] = ()
    stops: Sequence[Stop] = ()
    drain_s: float = 0.0
    deregistered: int = 0
    refused: int = 0
    deregistered_after_s: float | None = None

    def seen(self) -> dict[str, Seen]:
        """Return the state of each instance, by its container instance ARN."""
        return {i.arn: Seen(i.status, i.task_count, i.agent_connected) for i in self.instances}


def advance(
    runtime: Runtime,
    cluster: str,
    doomed: Sequence[Doomed],
    due: Sequence[Stop],
    until: float,
    drained: Iterable[ContainerInstance] = (),
    latest: float = math.inf,
) -> Advance:
    """Take the next step for `doomed`.

    Everything in here can be repeated: after a crash at any call, the step is done again.

    Args:
        due: the stops that an earlier step has left.
        until: when no more stop begins, in seconds since the epoch; where the look took longer, some seconds after it.
        drained: container instances of `doomed` that this step has drained, as the answers describe them.
        latest: when no more stop may begin in any case.
    """
    # While stops take the whole rate, another look at instances that were looked at already changes nothing, unless
    # targets of theirs are kept.
    busy = fill(due, runtime.now()) and not any(d.held for d in doomed)
    to_look_at = [d for d in doomed if not (busy and d.looked_at)]
    look, early = _look_and_stop(runtime, cluster, to_look_at, drained, due, until)
    planned = in_order([*due, *look.stops], runtime.now()) if busy else look.stops
    planned = [stop for stop in planned if stop.arn not in early.arns]
    # What was read late is not stopped a round later for that.
    until = min(latest, max(until, runtime.now() + SHORTEST_ROUND_S))
    late = stop_tasks(runtime, cluster, planned, STOP_REASON, until)
    stopped = Stopped(early.arns | late.arns, early.refused + late.refused)
    after = progress(look.doomed, look.seen(), look.tasks, stopped.arns, look.drain_s, runtime.now())
    after, not_completed = complete_hooks(runtime, after)
    waiting, no_beat = send_heartbeats(runtime, after.waiting)
    left = tuple(stop for stop in planned if stop.arn not in stopped.arns)
    on_looked = {t.arn for t in look.tasks if not t.stopping and t.arn not in stopped.arns}
    return Advance(
        # `gone` is reset, so that killed tasks are counted once.
        waiting=(*(replace(i, gone=False) for i in waiting), *(d for d in doomed if busy and d.looked_at)),
        finished=after.finished,
        due=left[:MOST_DUE],
        # After the stops that were more urgent than a look, the look is late.
        next_in_s=1 if busy and not left else after.next_in_s,
        deregistered=look.deregistered,
        refused=look.refused + stopped.refused + not_completed + no_beat,
        stopped=len(stopped.arns),
        tasks_left=len(on_looked | {stop.arn for stop in left}),
        killed=_killed(look.doomed, look.tasks),
        deregistered_after_s=look.deregistered_after_s,
    )


def _look_and_stop(
    runtime: Runtime,
    cluster: str,
    doomed: Sequence[Doomed],
    drained: Iterable[ContainerInstance],
    due: Sequence[Stop],
    until: float,
) -> tuple[Look, Stopped]:
    """Look at `doomed`, and make the stops that are due meanwhile: neither waits for the other, or for its errors."""
    if not doomed:
        return Look(), Stopped()
    if not due:
        return _look(runtime, cluster, doomed, drained), Stopped()

    def look() -> Look:
        return _look(runtime, cluster, doomed, drained)

    def stop() -> Stopped:
        return stop_tasks(runtime, cluster, due, STOP_REASON, min(until, runtime.now() + LOOK_S))

    works: tuple[Callable[[], Look | Stopped], ...] = (look, stop)
    # A session makes its clients in one thread only: before the calls side by side.
    _ = runtime.ecs, runtime.ecs_once, runtime.elbv2, runtime.elbv2_once, runtime.ssm
    done = runtime.in_parallel(operator.call, works, at_once=len(works))
    return (
        next(one for one in done if isinstance(one, Look)),
        next(one for one in done if isinstance(one, Stopped)),
    )


def drain_instances(
    runtime: Runtime, cluster: str, doomed: Iterable[Doomed], described: Iterable[ContainerInstance] = ()
) -> list[ContainerInstance]:
    """Drain the container instances of `doomed`, and return them as they are after that.

    ECS may place a task until the very moment of the drain. So each instance is returned as the answer to its drain
    describes it; one that was draining already, or that ECS did not drain, as it is read here. One that is gone is left
    out, and so is one whose reason to drain has passed since its notice: it takes tasks again.

    Args:
        described: container instances that this step has read already. Those that were ACTIVE are not read again.
    """
    doomed = list(doomed)
    arns = {d.container_instance_arn for d in doomed if d.container_instance_arn}
    found = _by_arn(i for i in described if i.arn in arns and i.status is InstanceStatus.ACTIVE)
    found |= _by_arn(describe_instances(runtime, cluster, sorted(arns - found.keys())))
    going = {d.container_instance_arn for d in still_doomed(doomed, found.values())}
    found = {arn: i for arn, i in found.items() if arn in going}
    active = set(to_drain({i.arn: Seen(i.status, i.task_count) for i in found.values()}))
    try:
        drained = _by_arn(set_draining(runtime, cluster, sorted(active)))
    except (ClientError, BotoCoreError) as error:
        # Each batch of the call was tried: what they did is read below.
        runtime.telemetry.error(
            f"cluster {cluster}: some of {len(active)} instances were not drained, the next step tries again: {error}",
            cluster=cluster,
        )
        drained = {}
    drained |= _by_arn(describe_instances(runtime, cluster, sorted(active - drained.keys())))
    return [drained.get(arn, found[arn]) for arn in sorted(found) if arn in drained or arn not in active]


def _look(runtime: Runtime, cluster: str, doomed: Sequence[Doomed], drained: Iterable[ContainerInstance] = ()) -> Look:
    """Look at `doomed`, and deregister those of their targets that are not kept."""
    arns = {d.container_instance_arn for d in doomed}
    known = _by_arn(i for i in drained if i.arn in arns)
    others = [d for d in doomed if d.container_instance_arn not in known]
    later = {d.container_instance_arn for d in others if d.drain_from > runtime.now()}
    to_be_drained = [d for d in others if d.container_instance_arn not in later]
    instances = [
        *known.values(),
        *drain_instances(runtime, cluster, to_be_drained),
        *describe_instances(runtime, cluster, sorted(later)),
    ]
    tasks = read_doomed_tasks(runtime, cluster, instances)
    alone = find_alone(runtime, cluster, doomed, tasks)
    # Where every target leaves at once, none waits for the settings.
    keeps_some = bool(alone) or any(d.is_patient for d in doomed)
    settings = _settings(runtime, cluster) if keeps_some else None
    turns = find_turns(runtime, cluster, doomed, tasks)
    release = to_release(doomed, tasks, alone, _drain_seconds(settings) if keeps_some else 0.0, runtime.now(), turns)
    refused = targets.deregister(runtime, release.targets, runtime.now() + DEREGISTER_FOR_S)
    now = runtime.now()
    here = tasks_of(doomed, tasks)
    after = [after_release(d, release, here[d.instance_id], refused, now) for d in doomed]
    settings = settings if keeps_some else _settings(runtime, cluster)
    after = leave_pool(runtime, cluster, after)
    drain_s = _drain_seconds(settings)
    look = Look(
        after,
        with_stopping(runtime, cluster, instances, _nearly_empty(after, instances, tasks)),
        tasks,
        drain_s=drain_s,
        deregistered=len(release.targets) - len(refused),
        refused=len({target.group_arn for target in refused})
        + sum(i.status is InstanceStatus.ACTIVE and i.arn not in later for i in instances),
        deregistered_after_s=max((now - d.noticed_at for d in doomed if not d.looked_at), default=None),
    )
    return replace(look, stops=to_stop(after, look.seen(), tasks, drain_s, runtime.now()))


def _nearly_empty(
    doomed: Iterable[Doomed], instances: Iterable[ContainerInstance], tasks: Iterable[DoomedTask]
) -> set[str]:
    """Return the ARNs of instances that may be empty but for tasks that are stopping, where these matter.

    They matter under a lifecycle hook, and for daemons where there is time: daemons are stopped last.
    """
    patient = {d.container_instance_arn for d in doomed if d.hooks or d.is_patient}
    daemons = Counter(t.container_instance_arn for t in tasks if t.kind is TaskKind.DAEMON and not t.stopping)
    return {i.arn for i in instances if i.arn in patient and i.task_count <= daemons[i.arn]}


def drain_seconds(runtime: Runtime, cluster: str) -> float:
    """Return the seconds in which the longest request to the cluster's tasks ends."""
    return _drain_seconds(_settings(runtime, cluster))


def _drain_seconds(settings: ClusterSettings | None) -> float:
    from steady.thresholds import Thresholds

    return float((settings.thresholds if settings else Thresholds()).drain_seconds)


def _settings(runtime: Runtime, cluster: str) -> ClusterSettings | None:
    # Imported here: no target waits for the import to be deregistered.
    from steady.aws.settings import cluster_settings
    from steady.thresholds import BadThreshold

    try:
        return cluster_settings.read_cluster(runtime, cluster, SETTINGS_MAX_AGE_S)
    except (ClientError, BotoCoreError, BadThreshold):
        return None


def _killed(doomed: Iterable[Doomed], tasks: Iterable[DoomedTask]) -> int:
    """Count the tasks, less daemons, that were still running when EC2 began to end their instance."""
    gone = {d.container_instance_arn for d in doomed if d.gone}
    return sum(t.container_instance_arn in gone and t.kind is not TaskKind.DAEMON and not t.stopping for t in tasks)


def _by_arn(instances: Iterable[ContainerInstance]) -> dict[str, ContainerInstance]:
    return {i.arn: i for i in instances}
