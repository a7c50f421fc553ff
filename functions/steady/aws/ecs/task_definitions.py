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
    """The parts of one revision that are used here.

    Attributes:
        stop_timeout_s: the longest stop timeout of its containers.
        network_mode: `awsvpc`, `bridge`, `host` or `none`.
    """

    shape: TaskShape
    stop_timeout_s: int
    network_mode: str = "bridge"


# By ARN: a revision never changes once it is registered.
TASK_DEFINITIONS = Cache[str, TaskDefinition]()


def read_task_definition(runtime: Runtime, arn: str) -> TaskDefinition:
    """Return the revision `arn`, read once in each process."""
    if known := TASK_DEFINITIONS.get(runtime, arn):
        return known
    definition = runtime.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
    return TASK_DEFINITIONS.keep(runtime, arn, to_task_definition(definition))


def to_task_definition(definition: TaskDefinitionTypeDef) -> TaskDefinition:
    """Turn ECS' description of a revision into what is used here. Every member of it may be missing."""
    containers = definition.get("containerDefinitions", [])
    timeouts = [c.get("stopTimeout", DEFAULT_STOP_TIMEOUT_S) for c in containers]
    return TaskDefinition(
        _shape(definition),
        max(timeouts, default=DEFAULT_STOP_TIMEOUT_S),
        # ECS: the default on Linux.
        definition.get("networkMode", "bridge"),
    )


def _shape(definition: TaskDefinitionTypeDef) -> TaskShape:
    containers = definition.get("containerDefinitions", [])
    # ECS: a size of the task replaces the sum of its containers' sizes; memoryReservation is what is reserved.
    cpu = _number(definition.get("cpu", "")) or sum(c.get("cpu", 0) for c in containers)
    memory = _number(definition.get("memory", "")) or sum(
        c.get("memoryReservation") or c.get("memory") or 0 for c in containers
    )
    awsvpc = definition.get("networkMode") == "awsvpc"
    ports = {p["hostPort"] for c in containers for p in c.get("portMappings", []) if p.get("hostPort")}
    needs = [need for c in containers for need in c.get("resourceRequirements", [])]
    constraints = definition.get("placementConstraints", [])
    return TaskShape(
        Size(cpu, memory),
        frozenset() if awsvpc else frozenset(ports),
        gpus=sum(_gpus(need.get("value", "")) for need in needs if need.get("type") == "GPU"),
        enis=1 if awsvpc else 0,
        member_of=frozenset(c.get("expression", "") for c in constraints if c.get("type") == "memberOf"),
    )


def _gpus(value: str) -> int:
    # ECS: a number, or ALL; a shared GPU has no value (sharingStrategy). Each of these needs an instance with a GPU.
    return _number(value) or 1


def _number(text: str) -> int:
    """Return the whole number in `text`; 0 if it holds none."""
    return int(text) if text.isdecimal() and text.isascii() else 0
