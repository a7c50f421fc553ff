"""Services: listed, described, and what their tasks ask of an instance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from steady.aws.cache import Cache
from steady.aws.ecs.lists import call_for_each, raise_refused, read_once
from steady.aws.ecs.pages import PAGE
from steady.aws.ecs.task_definitions import read_task_definition
from steady.aws.runtime import Runtime
from steady.cluster import NOTHING, Placement, TaskShape
from steady.launch import Launch

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import DescribeServicesResponseTypeDef, ServiceTypeDef, TaskTypeDef

SERVICES_A_DESCRIBE = 10
REVISIONS_A_DESCRIBE = 20
# By ARN: a service revision never changes. One that ECS does not describe is kept as an empty one.
REVISIONS: Cache[str, Mapping[str, Any]] = Cache()


def list_services(runtime: Runtime, cluster: str) -> list[str]:
    """Return the ARNs of all services of `cluster`."""
    pages = runtime.ecs.get_paginator("list_services").paginate(cluster=cluster, PaginationConfig={"PageSize": PAGE})
    return [arn for page in pages for arn in page["serviceArns"]]


def describe_services(runtime: Runtime, cluster: str, names: Iterable[str]) -> list[ServiceTypeDef]:
    """Return the services `names` (or ARNs) as ECS describes them, less those that are gone.

    Raises:
        ClientError, BotoCoreError: if ECS refuses to describe some of them.
    """
    services, refused = describe_readable_services(runtime, cluster, names)
    raise_refused(refused)
    return services


def describe_readable_services(
    runtime: Runtime, cluster: str, names: Iterable[str]
) -> tuple[list[ServiceTypeDef], Mapping[str, Exception]]:
    """Return what `describe_services` does, and why ECS refuses to describe the others, by name."""

    def describe(client: ECSClient, batch: Sequence[str]) -> DescribeServicesResponseTypeDef:
        return client.describe_services(cluster=cluster, services=batch)

    found = call_for_each(runtime, describe, names, SERVICES_A_DESCRIBE)
    described = [s for answer in found.answers for s in answer["services"] if s.get("status") != "INACTIVE"]
    return described, found.refused


def revision_arns(service: ServiceTypeDef) -> list[str]:
    """Return the ARNs of the service revisions that the tasks of `service` are of."""
    return [arn for summary in service.get("currentServiceRevisions", []) if (arn := summary.get("arn"))]


def read_revisions(runtime: Runtime, arns: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
    """Return the service revisions `arns` as ECS describes them, by ARN, each read once in a process.

    Those that ECS does not describe are left out (API text: those made before 25 October 2024). No error is raised.
    """

    def look(client: ECSClient, batch: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        answer = client.describe_service_revisions(serviceRevisionArns=batch)["serviceRevisions"]
        found: dict[str, Mapping[str, Any]] = {r.get("serviceRevisionArn", ""): r for r in answer}
        return {arn: found.get(arn, {}) for arn in batch}

    # Without retries: no deregistration waits for them.
    known, refused = read_once(runtime, REVISIONS, runtime.ecs_once, look, arns, REVISIONS_A_DESCRIBE)
    if refused:
        some, error = next(iter(sorted(refused.items())))
        runtime.telemetry.warning(
            f"{len(refused)} service revisions cannot be read, {some} among them: tasks of earlier deployments are "
            f"stopped as late as batch tasks: {error}"
        )
    return known


def is_listed(task: TaskTypeDef, service: ServiceTypeDef) -> bool:
    """Return whether `service` lists the deployment or the task set that started `task`.

    ECS API: `startedBy` of a service's task is the id of its deployment. One that is not listed began after the service
    was described. A task or a service that names none is taken as listed.
    """
    ids = {one.get("id", "") for one in [*service.get("deployments", []), *service.get("taskSets", [])]}
    return not ids or task.get("startedBy", "") in {"", *ids}


def is_primary(task: TaskTypeDef, service: ServiceTypeDef) -> bool:
    """Return whether `task` is of the newest deployment of `service`: the one that the service itself describes."""
    newest = [d.get("id") for d in service.get("deployments", []) if d.get("status") == "PRIMARY"]
    return task.get("startedBy") in newest


def is_daemon(service: ServiceTypeDef) -> bool:
    """Return whether `service` runs one task on each instance."""
    return service.get("schedulingStrategy") == "DAEMON"


def can_move_tasks(service: ServiceTypeDef) -> bool:
    """Return whether ECS can start a replacement, or stop a task itself, while the instance of a task is draining.

    ECS API (UpdateContainerInstancesState): it can do neither where the minimum healthy percent forbids to stop a task,
    and the maximum percent to start one. Both count for every deployment controller (DeploymentConfiguration).
    """
    configuration = service.get("deploymentConfiguration", {})
    desired = service.get("desiredCount", 0)
    most = desired * configuration.get("maximumPercent", 200) // 100
    fewest = math.ceil(desired * configuration.get("minimumHealthyPercent", 100) / 100)
    # A service that is scaled to nothing stops all of its tasks.
    return not desired or most > desired or fewest < desired


def service_of(task: Mapping[str, object]) -> str:
    """Return the name of the service of `task`, as ECS or its events describe it; "" for a task without a service."""
    kind, _, name = str(task.get("group", "")).partition(":")
    return name if kind == "service" else ""


def service_names(tasks: Iterable[TaskTypeDef]) -> list[str]:
    """Return the names of the services of `tasks`, sorted, each once."""
    return sorted({name for task in tasks if (name := service_of(task))})


def task_definitions_of(service: ServiceTypeDef) -> list[str]:
    """Return the ARNs of the task definitions that `service` uses, the one of new tasks first.

    ECS API, CreateService: an EXTERNAL service has none of its own; its task sets have, the PRIMARY one serves.
    """
    sets = sorted(service.get("taskSets", []), key=lambda one: one.get("status") != "PRIMARY")
    return list(dict.fromkeys(arn for one in (service, *sets) if (arn := one.get("taskDefinition"))))


def launch_of(service: Mapping[str, Any]) -> Launch:
    """Return on what new tasks of `service` run. An EXTERNAL service does not say it: its task sets do."""
    sets = sorted(service.get("taskSets", []), key=lambda one: one.get("status") != "PRIMARY")
    return Launch.of(service, next((Launch.of(one) for one in sets), None))


def launches_of(service: Mapping[str, Any]) -> list[Launch]:
    """Return on what the tasks of `service` run: its new ones, and those of its other deployments or task sets."""
    newest = launch_of(service)
    parts = [*service.get("deployments", []), *service.get("taskSets", [])]
    return [newest, *(Launch.of(one, newest) for one in parts)]


def read_service_shape(runtime: Runtime, service: ServiceTypeDef) -> TaskShape:
    """Return the shape of a task of `service`: its task definition's, with the service's own constraints.

    Nothing is known of the tasks of a service without a task definition: such a shape reserves nothing.
    """
    arns = task_definitions_of(service)
    shape = read_task_definition(runtime, arns[0]).shape if arns else TaskShape(NOTHING)
    constraints = service.get("placementConstraints", [])
    expressions = {c.get("expression", "") for c in constraints if c.get("type") == "memberOf"}
    distinct = any(c.get("type") == "distinctInstance" for c in constraints)
    zones = any(
        s.get("type") == "spread" and s.get("field") == "attribute:ecs.availability-zone"
        for s in service.get("placementStrategy", [])
    )
    return replace(
        shape,
        member_of=shape.member_of | expressions,
        group=service["serviceName"] if distinct or zones else "",
        distinct=distinct,
        spread_zones=zones,
        placement=placement_of(service.get("placementStrategy", [])),
    )


def placement_of(strategies: Sequence[Mapping[str, Any]]) -> Placement:
    """Return how ECS chooses an instance by `strategies`, of which the last one decides within the others.

    ECS Developer Guide, "Task placement strategies": without any, services spread; random placement is as even.
    """
    last = strategies[-1] if strategies else {}
    field = str(last.get("field", "")).lower()
    if last.get("type") != "binpack" or field not in ("cpu", "memory"):
        return Placement.SPREAD
    return Placement.BINPACK_CPU if field == "cpu" else Placement.BINPACK_MEMORY
