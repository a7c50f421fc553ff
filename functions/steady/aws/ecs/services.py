"""Services: listed, described, and what their tasks ask of an instance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from steady.aws.ecs.pages import PAGE
from steady.aws.ecs.task_definitions import read_task_definition
from steady.aws.runtime import Runtime, batches
from steady.cluster import TaskShape

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TaskTypeDef

SERVICES_A_DESCRIBE = 10


def list_services(runtime: Runtime, cluster: str) -> list[str]:
    """Return the ARNs of all services of `cluster`."""
    pages = runtime.ecs.get_paginator("list_services").paginate(cluster=cluster, PaginationConfig={"PageSize": PAGE})
    return [arn for page in pages for arn in page["serviceArns"]]


def describe_services(runtime: Runtime, cluster: str, names: Iterable[str]) -> list[ServiceTypeDef]:
    """Return the services `names` (or ARNs) as ECS describes them, less those that are gone."""
    found = []
    for batch in batches(names, SERVICES_A_DESCRIBE):
        answer = runtime.ecs.describe_services(cluster=cluster, services=batch)
        found += [s for s in answer["services"] if s.get("status") != "INACTIVE"]
    return found


def is_daemon(service: ServiceTypeDef) -> bool:
    """Return whether `service` runs one task on each instance."""
    return service.get("schedulingStrategy") == "DAEMON"


def service_of(task: Mapping[str, object]) -> str:
    """Return the name of the service of `task`, as ECS or its events describe it; "" for a task without a service."""
    kind, _, name = str(task.get("group", "")).partition(":")
    return name if kind == "service" else ""


def service_names(tasks: Iterable[TaskTypeDef]) -> list[str]:
    """Return the names of the services of `tasks`, sorted, each once."""
    return sorted({name for task in tasks if (name := service_of(task))})


def read_service_shape(runtime: Runtime, service: ServiceTypeDef) -> TaskShape:
    """Return the shape of a task of `service`: its task definition's, with the service's own constraints."""
    shape = read_task_definition(runtime, service["taskDefinition"]).shape
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
    )
