"""Look at doomed instances: drain them, read their tasks, and deregister the targets that are not kept."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from botocore.exceptions import BotoCoreError, ClientError

from steady.aws.ecs.container_instances import Described, describe_readable_instances, set_draining
from steady.aws.ecs.tasks import Stopped, with_stopping
from steady.aws.runtime import Runtime
from steady.aws.service_out.doomed_tasks import DoomedTasks, find_alone, find_turns, read_doomed_tasks
from steady.aws.service_out.leaving import drain_seconds, leave
from steady.aws.service_out.meanwhile import Leaving, stop_meanwhile
from steady.cluster import ContainerInstance, InstanceStatus
from steady.service_out.doomed import Doomed, DoomedTask, Seen, Target, TaskKind, tasks_of
from steady.service_out.drain import after_release, may_be_kept, to_drain, to_release
from steady.service_out.marking import still_doomed
from steady.service_out.stopping import to_stop
from steady.service_out.stops import Stop, as_planned

# Seconds of one step in which targets are deregistered: with a hundred target groups, ELB's rate takes longer.
LEAVE_FOR_S, LEAVE_AT_LEAST_S = 12.0, 2.0


@dataclass(frozen=True, slots=True)
class Look:
    """A look at doomed instances: what was read, what was deregistered, and the stops that follow.

    `early` are the tasks that were stopped meanwhile; `leaving` the targets that were not deregistered; `unread` the
    instances that are left for another look, since it takes long to read their tasks; `unreadable` those that ECS
    refused to describe. ECS counts more tasks on the instances in `incomplete` (ARNs) than it has described: the next
    look at them is like the first one.
    """

    doomed: Sequence[Doomed] = ()
    instances: Sequence[ContainerInstance] = ()
    tasks: Sequence[DoomedTask] = ()
    stops: Sequence[Stop] = ()
    drain_s: float = 0.0
    deregistered: int = 0
    refused: int = 0
    unread: Sequence[Doomed] = ()
    unreadable: Sequence[Doomed] = ()
    incomplete: frozenset[str] = frozenset()
    early: Stopped = field(default_factory=Stopped)
    leaving: frozenset[Target] = frozenset()
    deregistered_after_s: float | None = None

    def seen(self) -> dict[str, Seen]:
        """Return the state of each instance, by its container instance ARN."""
        return {
            i.arn: Seen(i.status, i.task_count, i.agent_connected, i.arn in self.incomplete) for i in self.instances
        }


def drain_instances(
    runtime: Runtime, cluster: str, doomed: Iterable[Doomed], described: Iterable[ContainerInstance] = ()
) -> Described:
    """Drain the container instances of `doomed`, and return them as they are after that.

    ECS may place a task until the very moment of the drain. So each instance is returned as the answer to its drain
    describes it; one that was draining already, or that ECS did not drain, as it is read here. One that is gone is left
    out, and so is one whose reason to drain has passed since its notice: it takes tasks again. Those that ECS refuses
    to describe are returned as refused.

    Args:
        described: container instances that this step has read already. Those that were ACTIVE are not read again.
    """
    doomed = list(doomed)
    arns = {arn for d in doomed for arn in d.registrations}
    found = _by_arn(i for i in described if i.arn in arns and i.status is InstanceStatus.ACTIVE)
    read = describe_readable_instances(runtime, cluster, sorted(arns - found.keys()))
    found |= _by_arn(read.instances)
    going = {arn for d in still_doomed(doomed, found.values()) for arn in d.registrations}
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
    again = describe_readable_instances(runtime, cluster, sorted(active - drained.keys()))
    drained |= _by_arn(again.instances)
    known = [drained.get(arn, found[arn]) for arn in sorted(found) if arn in drained or arn not in active]
    return Described(tuple(known), read.refused | again.refused)


def look_at(
    runtime: Runtime,
    cluster: str,
    doomed: Sequence[Doomed],
    drained: Iterable[ContainerInstance] = (),
    due: Sequence[Stop] = (),
    of_others: Sequence[Stop] = (),
    leaving: Leaving | None = None,
    *,
    latest: float = math.inf,
    reason: str = "",
) -> Look:
    """Look at `doomed`, deregister those of their targets that are not kept, and stop meanwhile what may be stopped.

    Args:
        drained: container instances of `doomed` that this step has drained, as the answers describe them.
        due: the stops that an earlier step has left: they are made while the tasks are read.
        of_others: those of them that are for instances which are not looked at: they stay as they are.
        leaving: the targets that an earlier step has left, and that are being deregistered.
        latest: when no more target may be deregistered, in seconds since the epoch.
        reason: the reason with which tasks are stopped.
    """
    _ = runtime.ecs, runtime.ecs_quick, runtime.ecs_once, runtime.elbv2, runtime.elbv2_once, runtime.ssm
    read, early = stop_meanwhile(
        runtime, cluster, due, reason, latest, lambda: _read(runtime, cluster, doomed, drained)
    )
    plan = _Plan(early, due, [stop for stop in of_others if stop.arn not in early.arns])
    return _release(runtime, cluster, read, plan, leaving or Leaving(), latest, reason)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The stops that were `due` before a look, those `of_others` that it does not concern, and those made `early`."""

    early: Stopped
    due: Sequence[Stop]
    of_others: Sequence[Stop]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was read of doomed instances: of `unread`, nothing."""

    doomed: Sequence[Doomed]
    instances: Sequence[ContainerInstance]
    found: DoomedTasks
    later: frozenset[str]
    unread: Sequence[Doomed]
    unreadable: Sequence[Doomed]


def _read(runtime: Runtime, cluster: str, doomed: Sequence[Doomed], drained: Iterable[ContainerInstance]) -> _Reading:
    """Drain those of `doomed` that are not drained, and read the tasks on them."""
    arns = {arn for d in doomed for arn in d.registrations}
    known = _by_arn(i for i in drained if i.arn in arns)
    others = [d for d in doomed if d.container_instance_arn not in known]
    later = frozenset(d.container_instance_arn for d in others if d.drain_from > runtime.now())
    read = (
        drain_instances(runtime, cluster, [d for d in others if d.container_instance_arn not in later]),
        describe_readable_instances(runtime, cluster, sorted(later)),
    )
    instances = [*known.values(), *(i for one in read for i in one.instances)]
    refused = {arn for one in read for arn in one.refused}
    unreadable = [d for d in doomed if d.container_instance_arn in refused]
    doomed = [d for d in doomed if d.container_instance_arn not in refused]
    first = {arn: (d.looked_at, d.deadline_s) for d in doomed for arn in d.registrations}
    instances = [i for i in instances if i.arn in first]
    found = read_doomed_tasks(runtime, cluster, sorted(instances, key=lambda i: (*first[i.arn], i.arn)))
    counted, found = _as_of_one(doomed, instances, found)
    unread = [d for d in doomed if d.container_instance_arn in found.unread]
    doomed = [d for d in doomed if d.container_instance_arn not in found.unread]
    return _Reading(doomed, [i for i in counted if i.arn not in found.unread], found, later, unread, unreadable)


def _as_of_one(
    doomed: Iterable[Doomed], instances: Sequence[ContainerInstance], found: DoomedTasks
) -> tuple[Sequence[ContainerInstance], DoomedTasks]:
    """Return what was read with the tasks on stale container instances counted, and known, on that of their machine."""
    main = {stale: d.container_instance_arn for d in doomed for stale in d.stale}
    if not main:
        return instances, found
    more = Counter[str]()
    for one in instances:
        more[main.get(one.arn, "")] += one.task_count
    tasks = [
        replace(t, container_instance_arn=main.get(t.container_instance_arn, t.container_instance_arn))
        for t in found.tasks
    ]
    counted = [replace(i, task_count=i.task_count + more[i.arn]) for i in instances if i.arn not in main]
    return counted, replace(found, tasks=tasks)


def _release(
    runtime: Runtime,
    cluster: str,
    read: _Reading,
    plan: _Plan,
    leaving: Leaving,
    latest: float,
    reason: str,
) -> Look:
    """Deregister the targets that are not kept of what was `read`, and stop meanwhile what may be stopped."""
    doomed, instances, found = read.doomed, read.instances, read.found
    tasks, early = found.tasks, plan.early
    running = [task for task in tasks if task.arn not in early.arns]
    instances, incomplete = _with_what_is_missing(runtime, cluster, instances, tasks, early)
    alone = find_alone(runtime, doomed, tasks, found.services, may_be_kept(doomed, tasks, runtime.now()))
    # Where every target leaves at once, none waits for the settings.
    keeps_some = bool(alone) or any(d.is_patient for d in doomed)
    drain_s = drain_seconds(runtime, cluster) if keeps_some else 0.0
    turns = find_turns(runtime, doomed, tasks, found.services)
    release = to_release(doomed, tasks, alone, drain_s, runtime.now(), turns)
    # A look that took the whole step deregisters some targets all the same: the next one does not begin anew.
    until = max(min(latest, runtime.now() + LEAVE_FOR_S), runtime.now() + LEAVE_AT_LEAST_S)
    seen, here = Look(instances=instances, incomplete=incomplete).seen(), tasks_of(doomed, tasks)

    def stops_of(known: Sequence[Doomed], left_at: Mapping[Target, float], drain_s: float) -> Sequence[Stop]:
        others = {target for target in release.targets if target not in left_at}
        after = [after_release(d, release, here[d.instance_id], others, runtime.now()) for d in known]
        found = to_stop(after, seen, running, drain_s, runtime.now(), left_at)
        return as_planned([*plan.of_others, *found], plan.due, runtime.now())

    left = leave(runtime, cluster, doomed, release.targets, leaving, until, reason, stops_of)
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
        + sum(i.status is InstanceStatus.ACTIVE and i.arn not in read.later for i in instances)
        + found.refused,
        early=Stopped(early.arns | left.stopped.arns, early.refused + left.stopped.refused),
        leaving=left.refused,
        unread=read.unread,
        unreadable=read.unreadable,
        incomplete=incomplete,
        deregistered_after_s=max((left.at - d.noticed_at for d in doomed if not d.looked_at), default=None),
    )
    stops = to_stop(after, look.seen(), running, left.drain_s, runtime.now(), left.left_at)
    return replace(look, stops=as_planned([*plan.of_others, *stops], plan.due, runtime.now()))


def _with_what_is_missing(
    runtime: Runtime,
    cluster: str,
    instances: Sequence[ContainerInstance],
    tasks: Iterable[DoomedTask],
    early: Stopped,
) -> tuple[Sequence[ContainerInstance], frozenset[str]]:
    """Return `instances`, and the ARNs of those on which ECS counts more tasks than `tasks`.

    A task that was stopped `early` leaves the count at once (ECS API, `runningTasksCount`): where one may have been
    counted before, and was not listed any more after that, the instance is counted again.
    """

    def missing(counted: Iterable[ContainerInstance]) -> frozenset[str]:
        return frozenset(i.arn for i in counted if known[i.arn] < i.task_count)

    known = Counter(task.container_instance_arn for task in tasks)
    some = missing(instances)
    if not some or not early.arns:
        return instances, some
    read = describe_readable_instances(runtime, cluster, sorted(some))
    again = _by_arn(read.instances)
    gone = some - again.keys() - read.refused
    return [again.get(i.arn, i) for i in instances if i.arn not in gone], missing(again.values()) | read.refused


def _nearly_empty(
    doomed: Iterable[Doomed], instances: Iterable[ContainerInstance], tasks: Iterable[DoomedTask]
) -> set[str]:
    """Return the ARNs of instances that may be empty but for tasks that are stopping, where these matter.

    They matter under a lifecycle hook, and for daemons where there is time: daemons are stopped last.
    """
    patient = {d.container_instance_arn for d in doomed if d.hooks or d.is_patient}
    daemons = Counter(t.container_instance_arn for t in tasks if t.kind is TaskKind.DAEMON and not t.stopping)
    return {i.arn for i in instances if i.arn in patient and i.task_count <= daemons[i.arn]}


def _by_arn(instances: Iterable[ContainerInstance]) -> dict[str, ContainerInstance]:
    return {i.arn: i for i in instances}
