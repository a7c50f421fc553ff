"""Task definitions: what matters of one revision, read once a process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from steady.api_budget.limits import BUCKET_OF
from steady.architecture import platform_constraints
from steady.aws.cache import Cache
from steady.aws.pace import pace_of
from steady.aws.runtime import Runtime
from steady.cluster import DEFAULT_STOP_TIMEOUT_S, Size, TaskShape

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ContainerDefinitionOutputTypeDef, TaskDefinitionTypeDef, TaskTypeDef

# A container that others wait for with one of these has ended before they run: it takes no time to stop.
ENDED_BEFORE = ("COMPLETE", "SUCCESS")


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """The parts of one revision that are used here.

    Attributes:
        stop_timeout_s: the longest time that its containers take to stop, one after the other where they must.
        network_mode: `awsvpc`, `bridge`, `host` or `none`.
    """

    shape: TaskShape
    stop_timeout_s: int
    network_mode: str = "bridge"


# By ARN: a revision never changes once it is registered.
TASK_DEFINITIONS = Cache[str, TaskDefinition]()


def read_task_definition(runtime: Runtime, arn: str, *, quickly: bool = False) -> TaskDefinition:
    """Return the revision `arn`, read once in each process. `quickly`: wait for some ten seconds at most."""
    if known := TASK_DEFINITIONS.get(runtime, arn):
        return known
    pace_of(runtime, BUCKET_OF["DescribeTaskDefinition"]).wait_for_turn()
    client = runtime.ecs_quick if quickly else runtime.ecs
    definition = client.describe_task_definition(taskDefinition=arn)["taskDefinition"]
    return TASK_DEFINITIONS.keep(runtime, arn, to_task_definition(definition))


def to_task_definition(definition: TaskDefinitionTypeDef) -> TaskDefinition:
    """Turn ECS' description of a revision into what is used here. Every member of it may be missing."""
    return TaskDefinition(
        _shape(definition),
        _stop_timeout_s(definition.get("containerDefinitions", [])),
        # ECS: the default on Linux.
        definition.get("networkMode", "bridge"),
    )


def _stop_timeout_s(containers: Sequence[ContainerDefinitionOutputTypeDef]) -> int:
    """Return the seconds that the containers take to stop at most: the longest chain of stop timeouts.

    amazon-ecs-agent, PR 1866: containers are stopped in the inverse order of `dependsOn`, `links` and `volumesFrom`. A
    container gets its SIGTERM only once those that need it have ended, and has its whole stop timeout from then on.
    What logs through a FireLens log router needs it (`addFirelensContainerDependency` of the agent), unless the router
    needs another container itself.
    """
    own = [c.get("stopTimeout", DEFAULT_STOP_TIMEOUT_S) for c in containers]
    named = {c.get("name", ""): index for index, c in enumerate(containers)}
    routers = [c.get("name", "") for c in containers if c.get("firelensConfiguration") and not any(_needed_names(c))]
    needed = [[named[name] for name in _needed_names(c, routers) if name in named] for c in containers]
    longest = own
    # A chain has no more links than there are containers. The count also ends a cycle, which ECS does not register.
    for _ in own:
        longest = [own[i] + max((longest[other] for other in needed[i]), default=0) for i in range(len(own))]
    return max(longest, default=DEFAULT_STOP_TIMEOUT_S)


def _needed_names(container: ContainerDefinitionOutputTypeDef, routers: Sequence[str] = ()) -> Iterator[str]:
    """Yield the names of the containers that `container` needs while it runs, its log `routers` among them."""
    if container.get("logConfiguration", {}).get("logDriver") == "awsfirelens":
        yield from (name for name in routers if name != container.get("name", ""))
    for dependency in container.get("dependsOn", []):
        if dependency.get("condition") not in ENDED_BEFORE:
            yield dependency.get("containerName", "")
    # ECS: a link is `name` or `name:alias`.
    yield from (link.partition(":")[0] for link in container.get("links", []))
    yield from (volume.get("sourceContainer", "") for volume in container.get("volumesFrom", []))


def stop_timeout_s(task: TaskTypeDef, definition: TaskDefinition | None) -> int:
    """Return the seconds that `task` takes to stop at most.

    amazon-ecs-agent, PR 3200: the container that the agent adds for Service Connect ends after all others. Its stop
    timeout is the agent's default.

    Args:
        definition: None: it could not be read.
    """
    own = definition.stop_timeout_s if definition else DEFAULT_STOP_TIMEOUT_S
    is_connected = any(a.get("type") == "ServiceConnect" for a in task.get("attachments", []))
    return own + (DEFAULT_STOP_TIMEOUT_S if is_connected else 0)


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
        member_of=frozenset(c.get("expression", "") for c in constraints if c.get("type") == "memberOf")
        | platform_constraints(cast("Mapping[str, str]", definition.get("runtimePlatform", {}))),
    )


def _gpus(value: str) -> int:
    # ECS: a number, or ALL; a shared GPU has no value (sharingStrategy). Each of these needs an instance with a GPU.
    return _number(value) or 1


def _number(text: str) -> int:
    """Return the whole number in `text`; 0 if it holds none."""
    return int(text) if text.isdecimal() and text.isascii() else 0
