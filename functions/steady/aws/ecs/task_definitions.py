"""Task definitions: what matters of one revision, read once a process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steady.aws.cache import Cache
from steady.aws.runtime import Runtime
from steady.cluster import DEFAULT_STOP_TIMEOUT_S, Size, TaskShape

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import TaskDefinitionTypeDef


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """The parts of one revision that are used here. `stop_timeout_s` is the longest of its containers."""

    shape: TaskShape
    stop_timeout_s: int


# By ARN: a revision never changes once it is registered.
TASK_DEFINITIONS = Cache[str, TaskDefinition]()


def read_task_definition(runtime: Runtime, arn: str) -> TaskDefinition:
    """Return the revision `arn`, read once in each process."""
    if known := TASK_DEFINITIONS.get(runtime, arn):
        return known
    definition = runtime.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
    containers = definition.get("containerDefinitions", [])
    timeouts = [c.get("stopTimeout", DEFAULT_STOP_TIMEOUT_S) for c in containers]
    read = TaskDefinition(_shape(definition), max(timeouts, default=DEFAULT_STOP_TIMEOUT_S))
    return TASK_DEFINITIONS.keep(runtime, arn, read)


def _shape(definition: TaskDefinitionTypeDef) -> TaskShape:
    containers = definition.get("containerDefinitions", [])
    # ECS: a size of the task replaces the sum of its containers' sizes; memoryReservation is what is reserved.
    cpu = int(definition.get("cpu") or sum(c.get("cpu", 0) for c in containers))
    memory = int(
        definition.get("memory") or sum(c.get("memoryReservation") or c.get("memory") or 0 for c in containers)
    )
    awsvpc = definition.get("networkMode") == "awsvpc"
    ports = {p["hostPort"] for c in containers for p in c.get("portMappings", []) if p.get("hostPort")}
    needs = [need for c in containers for need in c.get("resourceRequirements", [])]
    constraints = definition.get("placementConstraints", [])
    return TaskShape(
        Size(cpu, memory),
        frozenset() if awsvpc else frozenset(ports),
        gpus=sum(int(need["value"]) for need in needs if need["type"] == "GPU"),
        enis=1 if awsvpc else 0,
        member_of=frozenset(c.get("expression", "") for c in constraints if c.get("type") == "memberOf"),
    )
