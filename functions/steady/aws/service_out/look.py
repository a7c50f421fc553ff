"""Look at doomed instances: drain them, read their tasks, and deregister the targets that are not kept."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from steady.aws.ecs.container_instances import describe_readable_instances
from steady.aws.ecs.tasks import Stopped, with_stopping
from steady.aws.runtime import Runtime
from steady.aws.service_out.crowd import Crowd
from steady.aws.service_out.leaving import leave
from steady.aws.service_out.meanwhile import Leaving, stop_meanwhile
from steady.aws.service_out.reading import Reading, read_all
from steady.cluster import ContainerInstance, InstanceStatus
from steady.service_out.doomed import Doomed, DoomedTask, Seen, Target, TaskKind, tasks_of
from steady.service_out.drain import after_release, to_release
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


def look_at(
    runtime: Runtime,
    cluster: str,
    doomed: Sequence[Doomed],
    drained: Iterable[ContainerInstance] = (),
    due: Sequence[Stop] = (),
    of_others: Sequence[Stop] = (),
    leaving: Leaving | None = None,
    crowd: Crowd | None = None,
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
        crowd: what is being stopped until the tasks are read.
        latest: when no more target may be deregistered, in seconds since the epoch.
        reason: the reason with which tasks are stopped.
    """
    _ = runtime.ecs, runtime.ecs_quick, runtime.ecs_once, runtime.elbv2, runtime.elbv2_once, runtime.ssm
    read, early = stop_meanwhile(
        runtime, cluster, due, reason, latest, lambda: read_all(runtime, cluster, doomed, drained, crowd)
    )
    if crowd:
        crowd.is_read = True
        early = early.with_others(crowd.stopped())
    if read.unread and not of_others:
        # What is planned for instances that took too long to read stays as it is, too.
        known = {task.arn for task in read.found.tasks}
        of_others = [stop for stop in due if stop.arn not in known]
    plan = _Plan(early, due, [stop for stop in of_others if stop.arn not in early.arns])
    return _release(runtime, cluster, read, plan, leaving or Leaving(), latest, reason)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The stops that were `due` before a look, those `of_others` that it does not concern, and those made `early`."""

    early: Stopped
    due: Sequence[Stop]
    of_others: Sequence[Stop]


def _release(
    runtime: Runtime,
    cluster: str,
    read: Reading,
    plan: _Plan,
    leaving: Leaving,
    latest: float,
    reason: str,
) -> Look:
    """Deregister the targets that are not kept of what was `read`, and stop meanwhile what may be stopped."""
    doomed, instances, tasks, early = read.doomed, read.instances, read.found.tasks, plan.early
    running = [task for task in tasks if task.arn not in early.arns]
    instances, incomplete = _with_what_is_missing(runtime, cluster, instances, tasks, early)
    release = to_release(doomed, tasks, read.alone, read.drain_s, runtime.now(), read.turns)
    # A look that took the whole step deregisters some targets all the same: the next one does not begin anew.
    until = max(min(latest, runtime.now() + LEAVE_FOR_S), runtime.now() + LEAVE_AT_LEAST_S)
    seen, here = Look(instances=instances, incomplete=incomplete).seen(), tasks_of(doomed, tasks)

    def stops_of(known: Sequence[Doomed], left_at: Mapping[Target, float], drain_s: float) -> Sequence[Stop]:
        others = {target for target in release.targets if target not in left_at}
        after = [after_release(d, release, here[d.instance_id], others, runtime.now()) for d in known]
        found = to_stop(after, seen, running, drain_s, runtime.now(), left_at)
        return as_planned([*plan.of_others, *found], plan.due, runtime.now())

    due = [stop for stop in plan.due if stop.arn not in early.arns]
    left = leave(runtime, cluster, doomed, release.targets, leaving, due, until, reason, stops_of)
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
        + read.found.refused,
        early=early.with_others(left.stopped),
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
    patient = {d.container_instance_arn for d in doomed if d.waits_under_hook or d.is_patient}
    daemons = Counter(t.container_instance_arn for t in tasks if t.kind is TaskKind.DAEMON and not t.stopping)
    return {i.arn for i in instances if i.arn in patient and i.task_count <= daemons[i.arn]}


def _by_arn(instances: Iterable[ContainerInstance]) -> dict[str, ContainerInstance]:
    return {i.arn: i for i in instances}
