"""Do one step on a cluster: drain, deregister, stop tasks, and complete the lifecycle hooks of finished instances."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from steady.aws.cache import Cache
from steady.aws.ecs.container_instances import describe_instances, set_draining
from steady.aws.ecs.services import describe_services, is_daemon, is_listed, service_names, service_of
from steady.aws.ecs.task_definitions import TaskDefinition, read_task_definition
from steady.aws.ecs.tasks import describe_tasks_on, find_protected_tasks, stop_tasks
from steady.aws.runtime import Runtime
from steady.aws.service_out import targets
from steady.aws.service_out.hooks import complete_hook, send_heartbeat
from steady.aws.service_out.task_targets import (
    NOTHING_READ,
    Routing,
    TaskTargets,
    read_routing,
    report_late,
    targets_of,
)
from steady.cluster import ContainerInstance, InstanceStatus
from steady.service_out.drain import Doomed, DoomedTask, Seen, TaskKind, next_step, progress, to_drain

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TaskTypeDef

STOP_REASON = "ecs-steady: the instance is about to go"
# Each service as ECS describes it, for its target groups, by its cluster and its name.
SERVICES: Cache[tuple[str, str], ServiceTypeDef] = Cache(max_age_s=60.0)


@dataclass(frozen=True, slots=True)
class Advance:
    """The work that a step has done, and the work that it has left.

    Attributes:
        waiting: instances that are not finished.
        due: ARNs of tasks that could be stopped now, but wait for their turn.
        next_in_s: seconds to the next look at `waiting`.
        deregistered: how many targets were deregistered.
        refused: how many targets ELB refused to deregister.
        stopped: how many tasks were stopped.
        tasks_left: how many tasks are still to be stopped, those in `due` included.
        killed: how many tasks still ran on instances that EC2 was ending already.
        deregistered_after_s: the longest time from a notice until its targets were deregistered, of the instances that
            were looked at for the first time; None if there was none.
    """

    waiting: tuple[Doomed, ...] = ()
    finished: tuple[Doomed, ...] = ()
    due: tuple[str, ...] = ()
    next_in_s: int = 0
    deregistered: int = 0
    refused: int = 0
    stopped: int = 0
    tasks_left: int = 0
    killed: int = 0
    deregistered_after_s: float | None = None


def drain_instances(
    runtime: Runtime, cluster: str, doomed: Iterable[Doomed], described: Iterable[ContainerInstance] = ()
) -> list[ContainerInstance]:
    """Drain the container instances of `doomed`, and return them as they are once they are draining.

    ECS may place a task until the very moment of the drain. So each instance is returned as the answer to its drain
    describes it; one that was draining already, as it is read here. One that is gone is left out.

    Args:
        described: container instances that this step has read already. Those that were ACTIVE are not read again.
    """
    arns = {d.container_instance_arn for d in doomed if d.container_instance_arn}
    found = _by_arn(i for i in described if i.arn in arns and i.status is InstanceStatus.ACTIVE)
    found |= _by_arn(describe_instances(runtime, cluster, sorted(arns - found.keys())))
    active = set(to_drain(_seen(found.values())))
    drained = _by_arn(set_draining(runtime, cluster, sorted(active)))
    # One that ECS has not drained is gone, or is drained by the next step.
    drained |= _by_arn(describe_instances(runtime, cluster, sorted(active - drained.keys())))
    return [drained.get(arn, found[arn]) for arn in sorted(found) if arn in drained or arn not in active]


def advance(
    runtime: Runtime,
    cluster: str,
    doomed: Sequence[Doomed],
    due: Sequence[str],
    until: float,
    drained: Iterable[ContainerInstance] = (),
) -> Advance:
    """Take the next step for `doomed`: first those never looked at, then the tasks that are `due`, then the others.

    Everything in here can be repeated: after a crash at any call, the step is done again.

    Args:
        due: ARNs of tasks that an earlier step found due and had no time to stop.
        until: when no more stop may begin, in seconds since the epoch.
        drained: container instances of `doomed` that this step has drained, as the answers describe them.
    """
    fresh = [d for d in doomed if not d.looked_at]
    known = [d for d in doomed if d.looked_at]
    first = _look(runtime, cluster, fresh, until=0.0, drained=drained)
    waiting_due = [*due, *first.due]
    stopped = stop_tasks(runtime, cluster, waiting_due, STOP_REASON, until)
    left = tuple(arn for arn in waiting_due if arn not in stopped)
    # While due tasks wait for their turn, another look at instances that were looked at already changes nothing.
    then = Advance(waiting=tuple(known)) if left else _look(runtime, cluster, known, until)
    return Advance(
        waiting=first.waiting + then.waiting,
        finished=first.finished + then.finished,
        due=left + then.due,
        next_in_s=min((look.next_in_s for look in (first, then) if look.waiting), default=0),
        deregistered=first.deregistered + then.deregistered,
        refused=first.refused + then.refused,
        stopped=len(stopped) + then.stopped,
        tasks_left=first.tasks_left - len(stopped.intersection(first.due)) + then.tasks_left,
        killed=first.killed + then.killed,
        deregistered_after_s=first.deregistered_after_s,
    )


def _look(
    runtime: Runtime, cluster: str, doomed: Sequence[Doomed], until: float, drained: Iterable[ContainerInstance] = ()
) -> Advance:
    """Look at `doomed`, deregister their targets, and stop what is due until the time `until`."""
    if not doomed:
        return Advance()
    arns = {d.container_instance_arn for d in doomed}
    known = {i.arn: i for i in drained if i.arn in arns}
    others = [d for d in doomed if d.container_instance_arn not in known]
    instances = [*known.values(), *drain_instances(runtime, cluster, others)]
    seen = _seen(instances)
    tasks = read_doomed_tasks(runtime, cluster, instances)
    states = targets.read_states(runtime, (target for task in tasks for target in task.targets))
    step = next_step(doomed, seen, tasks, states, runtime.now())
    refused = targets.deregister(runtime, step.to_deregister)
    deregistered_at = runtime.now()
    stopped = stop_tasks(runtime, cluster, [t.arn for t in step.to_stop], STOP_REASON, until)
    after = progress(doomed, seen, tasks, stopped, runtime.now())
    for instance in after.finished:
        if instance.hook:
            complete_hook(runtime, instance.hook)
    return Advance(
        # `gone` is reset, so that killed tasks are counted once.
        waiting=tuple(replace(_with_heartbeat(runtime, i), looked_at=True, gone=False) for i in after.waiting),
        finished=after.finished,
        due=tuple(t.arn for t in step.to_stop if t.arn not in stopped),
        next_in_s=after.next_in_s,
        deregistered=len(step.to_deregister) - refused,
        refused=refused,
        stopped=len(stopped),
        tasks_left=sum(not t.stopping and t.arn not in stopped for t in tasks),
        killed=_killed(doomed, tasks),
        deregistered_after_s=max((deregistered_at - d.noticed_at for d in doomed if not d.looked_at), default=None),
    )


def _killed(doomed: Iterable[Doomed], tasks: Iterable[DoomedTask]) -> int:
    """Count the tasks, less daemons, that were still running when EC2 began to end their instance."""
    gone = {d.container_instance_arn for d in doomed if d.gone}
    return sum(t.container_instance_arn in gone and t.kind is not TaskKind.DAEMON and not t.stopping for t in tasks)


def read_doomed_tasks(runtime: Runtime, cluster: str, instances: Sequence[ContainerInstance]) -> list[DoomedTask]:
    """Return the tasks that ECS wants RUNNING on `instances`, with their kind, targets, protection and stop timeout."""
    tasks = describe_tasks_on(runtime, cluster, instances)
    services = _services(runtime, cluster, tasks)
    routing = read_routing(runtime, services.values())
    of_replicas = [t["taskArn"] for t in tasks if _kind(services.get(service_of(t))) is TaskKind.SERVICE]
    protected = find_protected_tasks(runtime, cluster, of_replicas)
    instance_id = {i.arn: i.instance_id for i in instances}
    found = []
    for task in tasks:
        service = services.get(service_of(task))
        definition = read_task_definition(runtime, task["taskDefinitionArn"])
        doomed = to_doomed_task(task, service, instance_id[task["containerInstanceArn"]], definition, routing)
        found.append(replace(doomed, protected=doomed.arn in protected))
    late = {t.arn for t in found if t.targets_unknown}
    report_late(runtime, cluster, [t for t in tasks if t["taskArn"] in late], services, routing)
    return found


def to_doomed_task(
    task: TaskTypeDef,
    service: ServiceTypeDef | None,
    instance_id: str,
    definition: TaskDefinition,
    routing: Routing = NOTHING_READ,
) -> DoomedTask:
    """Turn ECS' description of a task and of its service (None: a batch task) into what service-out decides on."""
    of_task = (
        targets_of(task, service, instance_id, definition.network_mode, routing)
        if service
        else TaskTargets(frozenset(), are_all_known=True)
    )
    return DoomedTask(
        arn=task["taskArn"],
        container_instance_arn=task["containerInstanceArn"],
        kind=_kind(service),
        stop_timeout_s=definition.stop_timeout_s,
        targets=of_task.targets,
        stopping=task.get("desiredStatus") == "STOPPED",
        targets_unknown=not of_task.are_all_known or of_task.lingers,
    )


def _services(runtime: Runtime, cluster: str, tasks: Sequence[TaskTypeDef]) -> Mapping[str, ServiceTypeDef]:
    """Return the services of `tasks`, by name. One is read again if it has deployed since it was kept."""
    names = service_names(tasks)
    kept = {name: SERVICES.get(runtime, (cluster, name)) for name in names}
    deployed = {service_of(t) for t in tasks if (service := kept.get(service_of(t))) and not is_listed(t, service)}
    old = [name for name in names if kept[name] is None or name in deployed]
    for service in describe_services(runtime, cluster, old):
        SERVICES.keep(runtime, (cluster, service["serviceName"]), service)
    # A deleted service is used as it was last known: its tasks are still here.
    found = {name: SERVICES.get(runtime, (cluster, name), math.inf) for name in names}
    return {name: service for name, service in found.items() if service}


def _by_arn(instances: Iterable[ContainerInstance]) -> dict[str, ContainerInstance]:
    return {i.arn: i for i in instances}


def _seen(instances: Iterable[ContainerInstance]) -> dict[str, Seen]:
    return {i.arn: Seen(i.status, i.task_count, i.agent_connected) for i in instances}


def _kind(service: ServiceTypeDef | None) -> TaskKind:
    if service is None:
        return TaskKind.BATCH
    return TaskKind.DAEMON if is_daemon(service) else TaskKind.SERVICE


def _with_heartbeat(runtime: Runtime, instance: Doomed) -> Doomed:
    hook = instance.hook
    # Half of the timeout leaves room for a late step.
    if hook is None or runtime.now() - hook.beat_at < hook.heartbeat_s / 2:
        return instance
    send_heartbeat(runtime, hook)
    return replace(instance, hook=replace(hook, beat_at=runtime.now()))
