"""Look at doomed instances: drain them, read their tasks, and deregister the targets that are not kept."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from steady.aws.ecs.container_instances import describe_instances, set_draining
from steady.aws.ecs.tasks import Stopped, stop_tasks, with_stopping
from steady.aws.runtime import Runtime
from steady.aws.service_out import targets
from steady.aws.service_out.doomed_tasks import find_alone, find_turns, read_doomed_tasks
from steady.aws.service_out.pool_targets import leave_pool
from steady.cluster import ContainerInstance, InstanceStatus
from steady.service_out.doomed import Doomed, DoomedTask, Seen, Target, TaskKind, tasks_of
from steady.service_out.drain import Release, after_release, to_drain, to_release
from steady.service_out.marking import still_doomed
from steady.service_out.stopping import to_stop
from steady.service_out.stops import Stop

if TYPE_CHECKING:
    from steady.thresholds import ClusterSettings

# The cluster's settings may be this old, in seconds.
SETTINGS_MAX_AGE_S = 300.0
# Seconds of one step in which targets are deregistered: with a hundred target groups, ELB's rate takes longer.
LEAVE_FOR_S, LEAVE_AT_LEAST_S = 12.0, 2.0
# How often it is looked meanwhile whose requests are over, in seconds.
TURN_S = 2.0


@dataclass(frozen=True, slots=True)
class Look:
    """A look at doomed instances: what was read, what was deregistered, and the stops that follow.

    `early` are the tasks that were stopped while targets were deregistered; `unread` the instances that are left for
    another look, since it takes long to read their tasks. ECS counts more tasks on the instances in `incomplete` (ARNs)
    than it has described: the next look at them is like the first one.
    """

    doomed: Sequence[Doomed] = ()
    instances: Sequence[ContainerInstance] = ()
    tasks: Sequence[DoomedTask] = ()
    stops: Sequence[Stop] = ()
    drain_s: float = 0.0
    deregistered: int = 0
    refused: int = 0
    unread: Sequence[Doomed] = ()
    incomplete: frozenset[str] = frozenset()
    early: Stopped = field(default_factory=Stopped)
    deregistered_after_s: float | None = None

    def seen(self) -> dict[str, Seen]:
        """Return the state of each instance, by its container instance ARN."""
        return {
            i.arn: Seen(i.status, i.task_count, i.agent_connected, i.arn in self.incomplete) for i in self.instances
        }


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


def look_at(
    runtime: Runtime,
    cluster: str,
    doomed: Sequence[Doomed],
    drained: Iterable[ContainerInstance] = (),
    *,
    latest: float = math.inf,
    reason: str = "",
) -> Look:
    """Look at `doomed`, and deregister those of their targets that are not kept.

    Args:
        drained: container instances of `doomed` that this step has drained, as the answers describe them.
        latest: when no more target may be deregistered, in seconds since the epoch.
        reason: where it is given, tasks without targets are stopped with it while targets are deregistered.
    """
    arns = {d.container_instance_arn for d in doomed}
    known = _by_arn(i for i in drained if i.arn in arns)
    others = [d for d in doomed if d.container_instance_arn not in known]
    later = {d.container_instance_arn for d in others if d.drain_from > runtime.now()}
    instances = [
        *known.values(),
        *drain_instances(runtime, cluster, [d for d in others if d.container_instance_arn not in later]),
        *describe_instances(runtime, cluster, sorted(later)),
    ]
    first = {d.container_instance_arn: (d.looked_at, d.deadline_s) for d in doomed}
    found = read_doomed_tasks(runtime, cluster, sorted(instances, key=lambda i: (*first[i.arn], i.arn)))
    unread = [d for d in doomed if d.container_instance_arn in found.unread]
    doomed = [d for d in doomed if d.container_instance_arn not in found.unread]
    instances = [i for i in instances if i.arn not in found.unread]
    tasks = found.tasks
    read = Counter(task.container_instance_arn for task in tasks)
    incomplete = frozenset(i.arn for i in instances if read[i.arn] < i.task_count)
    alone = find_alone(runtime, doomed, tasks, found.services)
    # Where every target leaves at once, none waits for the settings.
    keeps_some = bool(alone) or any(d.is_patient for d in doomed)
    settings = _settings(runtime, cluster) if keeps_some else None
    turns = find_turns(runtime, doomed, tasks, found.services)
    release = to_release(doomed, tasks, alone, _drain_seconds(settings) if keeps_some else 0.0, runtime.now(), turns)
    # A look that took the whole step deregisters some targets all the same: the next one does not begin anew.
    until = max(min(latest, runtime.now() + LEAVE_FOR_S), runtime.now() + LEAVE_AT_LEAST_S)
    left = _leave(runtime, cluster, Look(doomed, instances, tasks), release, until, reason)
    here = tasks_of(doomed, tasks)
    after = [after_release(d, release, here[d.instance_id], left.refused, left.at) for d in left.doomed]
    looked_at = {d.instance_id: d.looked_at for d in doomed}
    after = [
        replace(d, looked_at=looked_at[d.instance_id]) if d.container_instance_arn in incomplete else d for d in after
    ]
    look = Look(
        after,
        with_stopping(runtime, cluster, instances, _nearly_empty(after, instances, tasks)),
        tasks,
        drain_s=left.drain_s,
        deregistered=len(release.targets) - len(left.refused),
        refused=len({target.group_arn for target in left.refused})
        + sum(i.status is InstanceStatus.ACTIVE and i.arn not in later for i in instances),
        early=left.stopped,
        unread=unread,
        incomplete=incomplete,
        deregistered_after_s=max((left.at - d.noticed_at for d in doomed if not d.looked_at), default=None),
    )
    return replace(look, stops=to_stop(after, look.seen(), tasks, left.drain_s, runtime.now(), left.left_at))


@dataclass(frozen=True, slots=True)
class _Left:
    """What was done while targets left: the targets that ELB refused, when the others had left, the stopped tasks.

    `doomed` are the instances with the time at which they left the target groups of their pool.
    """

    doomed: Sequence[Doomed]
    refused: frozenset[Target]
    at: float
    stopped: Stopped
    drain_s: float
    left_at: Mapping[Target, float]


def _leave(runtime: Runtime, cluster: str, look: Look, release: Release, until: float, reason: str) -> _Left:
    """Deregister the targets of `release` and those of the pool, and stop meanwhile what may be stopped."""
    left_at: dict[Target, float] = {}
    are_leaving = True

    def deregister() -> tuple[frozenset[Target], float]:
        nonlocal are_leaving
        try:
            refused = targets.deregister(
                runtime, release.targets, until, lambda batch: left_at.update(dict.fromkeys(batch, runtime.now()))
            )
        finally:
            are_leaving = False
        return refused, runtime.now()

    def deregister_instances_and_stop() -> tuple[Sequence[Doomed], float, Stopped]:
        doomed = leave_pool(runtime, cluster, look.doomed)
        drain_s = drain_seconds(runtime, cluster)
        stopped = Stopped()
        while reason and are_leaving and runtime.now() < until:
            after = _as_far_as_left(replace(look, doomed=doomed), release, left_at, runtime.now())
            stops = to_stop(after, look.seen(), look.tasks, drain_s, runtime.now(), dict(left_at))
            now = [stop for stop in stops if stop.at <= runtime.now() and stop.arn not in stopped.arns]
            more = stop_tasks(runtime, cluster, now, reason, min(until, runtime.now() + TURN_S), lambda: are_leaving)
            stopped = Stopped(stopped.arns | more.arns, stopped.refused + more.refused)
            if not more.arns:
                runtime.sleep(TURN_S / 4)
        return doomed, drain_s, stopped

    _ = runtime.ecs_once, runtime.elbv2, runtime.elbv2_once, runtime.ssm, runtime.ec2_once, runtime.autoscaling_once
    (refused, at), (doomed, drain_s, stopped) = runtime.side_by_side(deregister, deregister_instances_and_stop)
    return _Left(doomed, refused, at, stopped, drain_s, left_at)


def _as_far_as_left(look: Look, release: Release, left_at: Mapping[Target, float], now: float) -> list[Doomed]:
    """Return the instances of `look` as they are while some of their targets are still to leave."""
    others = {target for target in release.targets if target not in left_at}
    here = tasks_of(look.doomed, look.tasks)
    return [after_release(d, release, here[d.instance_id], others, now) for d in look.doomed]


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


def _by_arn(instances: Iterable[ContainerInstance]) -> dict[str, ContainerInstance]:
    return {i.arn: i for i in instances}
