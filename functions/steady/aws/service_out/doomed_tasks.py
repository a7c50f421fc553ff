"""Read the tasks on doomed instances with their services and task definitions, and find services left without a target.

A call that ECS refuses concerns only what it would have described: that task is stopped as late as it can be.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from steady.aws.cache import Cache
from steady.aws.ecs.lists import report_refused
from steady.aws.ecs.many_tasks import Known, describe_tasks_in_time
from steady.aws.ecs.services import can_move_tasks, describe_readable_services, is_daemon, service_names, service_of
from steady.aws.ecs.task_definitions import TaskDefinition, read_task_definition, stop_timeout_s
from steady.aws.ecs.tasks import read_protection
from steady.aws.runtime import CONNECTIONS, Runtime
from steady.aws.service_out import targets
from steady.aws.service_out.task_targets import (
    NOTHING_READ,
    Routing,
    TaskTargets,
    read_routing,
    report_late,
    targets_of,
)
from steady.cluster import ContainerInstance
from steady.service_out.doomed import Doomed, DoomedTask, Target, TaskKind, tasks_of
from steady.service_out.one_at_a_time import next_turns

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TaskTypeDef

# Each service as ECS describes it, by its cluster and its name: for its target groups and its counts.
SERVICES: Cache[tuple[str, str], ServiceTypeDef] = Cache(max_age_s=5.0)


@dataclass(frozen=True, slots=True)
class DoomedTasks:
    """The tasks on doomed instances.

    Attributes:
        tasks: with their kind, targets, protection and stop timeout.
        services: their services, by name.
        unread: the ARNs of the instances whose tasks were not read, since it takes long.
        refused: how many tasks, or lists of them, ECS refused to describe.
    """

    tasks: Sequence[DoomedTask]
    services: Mapping[str, ServiceTypeDef]
    unread: frozenset[str]
    refused: int = 0


def read_doomed_tasks(
    runtime: Runtime, cluster: str, instances: Sequence[ContainerInstance], found_before: Known | None = None
) -> DoomedTasks:
    """Read the tasks that ECS wants RUNNING on `instances`, or on the first of them if all would take long.

    Args:
        found_before: the tasks that were found a moment ago (`describe_tasks_in_time`).
    """
    known: dict[str, TaskDefinition | None] = {}

    def read_known(first: Sequence[TaskTypeDef]) -> None:
        # Most of what the other tasks need, too: there are many of these definitions and target groups.
        known.update(read_definitions(runtime, cluster, {task["taskDefinitionArn"] for task in first}))
        read_routing(runtime, read_services(runtime, cluster, service_names(first)).values())

    _ = runtime.ecs, runtime.ecs_quick, runtime.ecs_once, runtime.elbv2_once
    tasks, unread, refused = describe_tasks_in_time(runtime, cluster, instances, read_known, found_before)

    def read_routed() -> tuple[Mapping[str, ServiceTypeDef], Routing]:
        services = read_services(runtime, cluster, service_names(tasks))
        return services, read_routing(runtime, services.values())

    def read_other_definitions() -> Mapping[str, TaskDefinition | None]:
        # One that ECS did not answer for is not asked for again: that may take ten seconds.
        return known | read_definitions(runtime, cluster, {task["taskDefinitionArn"] for task in tasks} - known.keys())

    def read_protected() -> set[str]:
        protection = found_before.protection if found_before else {}
        of_services = [task["taskArn"] for task in tasks if service_of(task)]
        unknown = [arn for arn in of_services if arn not in protection]
        known = {**protection, **read_protection(runtime, cluster, unknown)}
        return {arn for arn in of_services if known.get(arn)}

    (services, routing), definitions, protected = runtime.side_by_side(
        read_routed, read_other_definitions, read_protected
    )
    instance_id = {i.arn: i.instance_id for i in instances}
    found = []
    for task in tasks:
        service, definition = services.get(service_of(task)), definitions.get(task["taskDefinitionArn"])
        doomed = to_doomed_task(task, service, instance_id[task["containerInstanceArn"]], definition, routing)
        found.append(replace(doomed, protected=doomed.arn in protected))
    late = {t.arn for t in found if t.targets_unknown}
    report_late(runtime, cluster, [t for t in tasks if t["taskArn"] in late], services, routing)
    return DoomedTasks(found, services, unread, len(refused))


def to_doomed_task(
    task: TaskTypeDef,
    service: ServiceTypeDef | None,
    instance_id: str,
    definition: TaskDefinition | None,
    routing: Routing = NOTHING_READ,
) -> DoomedTask:
    """Turn ECS' description of a task and of its service into what service-out decides on.

    Args:
        service: None: a batch task, or a service that could not be read.
        definition: None: it could not be read.
    """
    name = service_of(task)
    mode = definition.network_mode if definition else ""
    of_task = (
        targets_of(task, service, instance_id, mode, routing)
        if service
        else TaskTargets(frozenset(), are_all_known=not name)
    )
    started_at = task.get("startedAt")
    return DoomedTask(
        arn=task["taskArn"],
        container_instance_arn=task["containerInstanceArn"],
        kind=TaskKind.SERVICE if name and not service else _kind(service),
        stop_timeout_s=stop_timeout_s(task, definition),
        targets=of_task.targets,
        stopping=task.get("desiredStatus") == "STOPPED",
        targets_unknown=not of_task.are_all_known or of_task.lingers or (definition is None and bool(name)),
        service=name,
        replaced_first=service is None or can_move_tasks(service),
        started_at=started_at.timestamp() if started_at else 0.0,
    )


# ELB: 40 calls at once, and 10 a second, of all that read. The health of so many target groups is read without a wait.
READ_AT_ONCE = 30
# Tasks elsewhere that may not serve, whatever ECS counts: one on an instance of an earlier notice, whose target has
# left, and its replacement, which has just started.
NOT_SERVING = 2


def find_alone(
    runtime: Runtime,
    doomed: Iterable[Doomed],
    tasks: Sequence[DoomedTask],
    services: Mapping[str, ServiceTypeDef],
    among: Collection[str],
) -> frozenset[str]:
    """Return the names of the services `among` these all of whose healthy targets are on doomed instances.

    Where there are many target groups, health is read only where few tasks of a service are elsewhere: what ECS counts
    may have just started, or its targets may have left by an earlier notice. A service is no longer alone once half as
    many targets are healthy elsewhere as are doomed.

    Args:
        tasks, services: what `read_doomed_tasks` has just read.
    """
    known = {d.container_instance_arn: d for d in doomed if d.looked_at}
    of_service: dict[str, list[DoomedTask]] = {}
    all_doomed: Counter[str] = Counter()
    for task in tasks:
        if not task.targets or task.stopping or task.service not in among:
            continue
        all_doomed[task.service] += 1
        instance = known.get(task.container_instance_arn)
        # Targets that have left already decide nothing.
        if instance is None or task.service in instance.held:
            of_service.setdefault(task.service, []).append(task)
    elsewhere = {
        name: services[name].get("runningCount", 0) - all_doomed[name] for name in of_service if name in services
    }
    # No more targets are healthy than tasks run: this many decide it without a look at the targets.
    alone = {name for name, count in elsewhere.items() if count < max(1, len(of_service[name]) // 2)}
    # While stops take the whole rate, the instances of earlier notices are not among those that are looked at.
    few = [name for name in elsewhere if name not in alone]
    if len(_groups(t.targets for name in few for t in of_service[name])) > READ_AT_ONCE and not known:
        few = [name for name in few if elsewhere[name] <= all_doomed[name] + NOT_SERVING]
    theirs = {name: frozenset(t for task in of_service[name] for t in task.targets) for name in few}
    healthy = targets.count_healthy(
        runtime, _groups(theirs.values()), frozenset(target for found in theirs.values() for target in found)
    )
    for name in few:
        counts = [healthy[group] for group in _groups([theirs[name]]) if group in healthy]
        if counts and max(counts) < max(1, len(of_service[name]) // 2):
            alone.add(name)
    return frozenset(alone)


def find_turns(
    runtime: Runtime, doomed: Iterable[Doomed], tasks: Sequence[DoomedTask], services: Mapping[str, ServiceTypeDef]
) -> Mapping[str, str]:
    """Return the instance whose tasks leave now, by the name of their service, for those that leave one at a time.

    It is nobody's turn while a task of the service is missing, or one of its targets is not healthy.

    Args:
        tasks, services: what `read_doomed_tasks` has just read.
    """
    doomed = list(doomed)
    turns = next_turns(doomed, tasks_of(doomed, tasks), runtime.now())
    if not turns:
        return turns
    whole = {n for n in turns if (s := services.get(n)) and s.get("runningCount", 0) >= s.get("desiredCount", 0)}
    theirs = {name: frozenset(t for task in tasks if task.service == name for t in task.targets) for name in whole}
    healthy = targets.count_healthy(runtime, _groups(theirs.values()), less=())

    def is_served(name: str) -> bool:
        counts = [healthy[group] for group in _groups([theirs[name]]) if group in healthy]
        return not counts or max(counts) >= services[name].get("desiredCount", 0)

    return {name: turns[name] for name in sorted(whole) if is_served(name)}


def _groups(found: Iterable[Collection[Target]]) -> set[str]:
    return {target.group_arn for targets_ in found for target in targets_}


def read_services(runtime: Runtime, cluster: str, names: Sequence[str]) -> Mapping[str, ServiceTypeDef]:
    """Return the services `names`, by name. One that cannot be described is as it was last known, or left out."""
    old = [name for name in names if SERVICES.get(runtime, (cluster, name)) is None]
    described, refused = describe_readable_services(runtime, cluster, old)
    for service in described:
        SERVICES.keep(runtime, (cluster, service["serviceName"]), service)
    report_refused(
        runtime,
        cluster,
        "services could not be described",
        refused,
        "their tasks are stopped as late as can be, unless they are known from before",
    )
    # A deleted service is used as it was last known: its tasks are still here.
    found = {name: SERVICES.get(runtime, (cluster, name), math.inf) for name in names}
    return {name: service for name, service in found.items() if service}


def read_definitions(runtime: Runtime, cluster: str, arns: Collection[str]) -> dict[str, TaskDefinition | None]:
    """Return the task definitions `arns`, by ARN; None for one that cannot be read."""

    def read(arn: str) -> TaskDefinition | None:
        try:
            # One that ECS does not answer for delays no other task.
            return read_task_definition(runtime, arn, quickly=True)
        except Exception as error:
            runtime.telemetry.error(
                f"cluster {cluster}: task definition {arn} cannot be read: its tasks are stopped as late as can be: "
                f"{error}",
                cluster=cluster,
            )
            return None

    wanted = sorted(arns)
    # A session makes its clients in one thread only: before the calls side by side.
    _ = runtime.ecs_quick
    return dict(zip(wanted, runtime.in_parallel(read, wanted, at_once=CONNECTIONS), strict=True))


def _kind(service: ServiceTypeDef | None) -> TaskKind:
    if service is None:
        return TaskKind.BATCH
    return TaskKind.DAEMON if is_daemon(service) else TaskKind.SERVICE
