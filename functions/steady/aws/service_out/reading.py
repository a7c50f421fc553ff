"""Drain doomed instances, and read the tasks on them and which of their targets are to be kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from steady.aws.ecs.container_instances import Described, describe_readable_instances, set_draining
from steady.aws.runtime import Runtime
from steady.aws.service_out.crowd import Crowd
from steady.aws.service_out.doomed_tasks import DoomedTasks, find_alone, find_turns, read_doomed_tasks
from steady.aws.service_out.leaving import drain_seconds
from steady.cluster import ContainerInstance, InstanceStatus
from steady.service_out.doomed import Doomed, Seen
from steady.service_out.drain import may_be_kept, to_drain
from steady.service_out.marking import still_doomed


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
    except Exception as error:
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


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of doomed instances: of `unread`, nothing.

    `alone` and `turns` are the services whose targets are kept; in `drain_s` seconds the longest request ends.
    """

    doomed: Sequence[Doomed]
    instances: Sequence[ContainerInstance]
    found: DoomedTasks
    later: frozenset[str]
    unread: Sequence[Doomed]
    unreadable: Sequence[Doomed]
    alone: frozenset[str] = frozenset()
    turns: Mapping[str, str] = field(default_factory=dict)
    drain_s: float = 0.0


def read_all(
    runtime: Runtime,
    cluster: str,
    doomed: Sequence[Doomed],
    drained: Iterable[ContainerInstance],
    crowd: Crowd | None,
) -> Reading:
    """Drain and read as `_read` does, and read which targets are to be kept."""
    read = _read(runtime, cluster, doomed, drained, crowd)
    tasks, services = read.found.tasks, read.found.services
    alone = find_alone(runtime, read.doomed, tasks, services, may_be_kept(read.doomed, tasks, runtime.now()))
    # Where every target leaves at once, none waits for the settings.
    keeps_some = bool(alone) or any(d.is_patient for d in read.doomed)
    drain_s = drain_seconds(runtime, cluster) if keeps_some else 0.0
    return replace(read, alone=alone, turns=find_turns(runtime, read.doomed, tasks, services), drain_s=drain_s)


def _read(
    runtime: Runtime,
    cluster: str,
    doomed: Sequence[Doomed],
    drained: Iterable[ContainerInstance],
    crowd: Crowd | None,
) -> Reading:
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
    before = crowd.known(runtime, {i.arn for i in instances}) if crowd else None
    found = read_doomed_tasks(runtime, cluster, sorted(instances, key=lambda i: (*first[i.arn], i.arn)), before)
    counted, found = _as_of_one(doomed, instances, found)
    unread = [d for d in doomed if d.container_instance_arn in found.unread]
    doomed = [d for d in doomed if d.container_instance_arn not in found.unread]
    return Reading(doomed, [i for i in counted if i.arn not in found.unread], found, later, unread, unreadable)


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


def _by_arn(instances: Iterable[ContainerInstance]) -> dict[str, ContainerInstance]:
    return {i.arn: i for i in instances}
