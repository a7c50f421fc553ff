"""The targets of the first instance that renewal has brought: whether they are healthy, as those elsewhere are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steady.aws.ecs.addresses import addresses_of
from steady.aws.ecs.services import describe_services, service_of
from steady.aws.ecs.task_lists import describe_tasks, list_tasks
from steady.aws.ecs.traffic import traffic_of
from steady.aws.runtime import Runtime
from steady.cluster import ContainerInstance

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TaskTypeDef

# A task has this many seconds after its service's grace period (`healthCheckGracePeriodSeconds`) to be healthy. ELB:
# two checks, one each 30 s, by default.
HEALTHY_WITHIN_S = 60.0
# ELB API, TargetHealth, State: what the health checks say. The others tell of a registration that begins or ends.
HEALTHY, UNHEALTHY, INITIAL = "healthy", "unhealthy", "initial"


@dataclass(frozen=True, slots=True)
class CanaryTargets:
    """What load balancers say of the new instance.

    Attributes:
        unhealthy: how many targets of each service are unhealthy there, although all are healthy elsewhere.
        not_yet_healthy: the services with a target there that is not healthy yet, or of a task that is being stopped.
    """

    unhealthy: Mapping[str, int] = field(default_factory=dict)
    not_yet_healthy: frozenset[str] = frozenset()


def read_targets(runtime: Runtime, cluster: str, new: ContainerInstance) -> CanaryTargets:
    """Return what load balancers say of the tasks on `new`: a call for each target group of their services.

    Raises:
        ClientError, BotoCoreError: if ECS or ELB does not answer.
    """
    tasks: dict[str, list[TaskTypeDef]] = defaultdict(list)
    listed = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in list_tasks(runtime, cluster=cluster, containerInstance=new.arn, desiredStatus=status)
    ]
    for task in describe_tasks(runtime, cluster, listed):
        if task.get("lastStatus") != "STOPPED" and (name := service_of(task)):
            tasks[name].append(task)
    unhealthy, waits = dict[str, int](), set[str]()
    for service in describe_services(runtime, cluster, sorted(tasks)):
        name = service["serviceName"]
        here = {new.instance_id, *(one for task in tasks[name] for one in addresses_of(task) if one)}
        for group in sorted(traffic_of(service, ()).groups):
            states = _states(runtime, group)
            on_new = [state for id_, state in states if id_ in here]
            elsewhere = [state for id_, state in states if id_ not in here]
            # ECS may have stopped it for its target, which drains for minutes first (containers-roadmap #2171). Once it
            # has ended, ECS says why.
            is_stopping = any(task.get("desiredStatus") == "STOPPED" for task in tasks[name])
            if is_stopping or not {UNHEALTHY, INITIAL}.isdisjoint(on_new):
                waits.add(name)
            late = on_new.count(UNHEALTHY) - _young(runtime, service, tasks[name])
            if late > 0 and HEALTHY in elsewhere and UNHEALTHY not in elsewhere:
                unhealthy[name] = max(late, unhealthy.get(name, 0))
    return CanaryTargets(unhealthy, frozenset(waits))


def _states(runtime: Runtime, group: str) -> Sequence[tuple[str, str]]:
    """Return the id and the state of each target of a target group."""
    answer: Any = runtime.elbv2_once.describe_target_health(TargetGroupArn=group)
    found: Iterable[Any] = answer.get("TargetHealthDescriptions", [])
    return [(one.get("Target", {}).get("Id", ""), _state(one.get("TargetHealth", {}))) for one in found]


def _state(health: Mapping[str, Any]) -> str:
    """Return the state of a target.

    ELB API, TargetGroupAttribute: behind a Network Load Balancer, an unhealthy target may be `unhealthy.draining` for
    as long as its group says, before it is `unhealthy`.
    """
    state = str(health.get("State", ""))
    return UNHEALTHY if state.startswith(f"{UNHEALTHY}.") else state


def _young(runtime: Runtime, service: ServiceTypeDef, tasks: Iterable[TaskTypeDef]) -> int:
    """Count the tasks that may still become healthy: a target does not say of which task it is."""
    has_s = (service.get("healthCheckGracePeriodSeconds") or 0) + HEALTHY_WITHIN_S
    going_on = [task for task in tasks if task.get("desiredStatus") == "RUNNING"]
    begun = [task["startedAt"].timestamp() if "startedAt" in task else runtime.now() for task in going_on]
    return sum(runtime.now() - at < has_s for at in begun)
