"""RunTask: tasks without a service, placed once, by what the call itself says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from simulator.ecs.launching import EC2, FARGATE_PROVIDERS, Launch
from simulator.ecs.placing import placement_failure_reason
from simulator.ecs.scheduler import Scheduler
from simulator.ecs.shapes import describe_task
from simulator.ecs.state import Cluster, Task
from simulator.ecs.strategies import strategy_of_run
from simulator.ecs.task_definition import TaskDefinition
from simulator.endpoint import Params
from simulator.errors import AwsError, NotSimulated
from steady.cluster import Size

MAX_RUN = 10


def run(scheduler: Scheduler, cluster: Cluster, definition: TaskDefinition, params: Params) -> dict[str, Any]:
    """Start as many of the tasks as there is room for; each of the others is one of the failures."""
    # ECS API, RunTask: "You can specify up to 10 tasks for each call."
    count = params.get("count", 1)
    if not 1 <= count <= MAX_RUN:
        raise AwsError("InvalidParameterException", f"count is {count}: 1 to {MAX_RUN} is needed")
    if "launchType" in params and params.get("capacityProviderStrategy"):
        # ECS API, RunTask: "If a capacityProviderStrategy is specified, the launchType parameter must be omitted."
        raise AwsError("InvalidParameterException", "Specify a launch type or a capacity provider strategy, not both.")
    _check_lengths(params)
    launch = Launch.of_run(params, cluster.default_launch)
    if any(name not in {*scheduler.providers, *FARGATE_PROVIDERS} for name, _ in launch.weights):
        # The words are those of AWS (terraform-aws-modules/terraform-aws-ecs, issue 53).
        text = "The specified capacity provider was not found. Specify a valid capacity provider and try again."
        raise AwsError("InvalidParameterException", text)
    instances = cluster.instances.values()
    if launch == EC2 and not any(i.status == "ACTIVE" and launch.may_be_on(i, "") for i in instances):
        raise AwsError("InvalidParameterException", "No Container Instances were found in your cluster.")
    definition = _of_call(definition, params.get("overrides", {}), params.get("placementConstraints", []))
    tasks, failures, strategy = [], [], strategy_of_run(params)
    started_by = params.get("startedBy", "")
    group = params.get("group", f"family:{definition.family}")
    alike = [t for t in cluster.tasks.values() if t.group == group] if launch.weights else []
    for provider in launch.providers_of_next(alike, count):
        task = scheduler.place(cluster, definition, group, strategy, launch=launch, provider=provider)
        if task:
            if started_by:
                task.on_stopped = lambda task: scheduler.observer.service_event(_stopped(task, started_by))
            tasks.append(describe_task(task))
        else:
            failures.append({"reason": placement_failure_reason(cluster, definition, launch)})
    return {"tasks": tasks, "failures": failures}


def _stopped(task: Task, started_by: str) -> dict[str, Any]:
    """Return the event of a task's end (ECS Developer Guide, "Amazon ECS task state change events")."""
    described = describe_task(task)
    killed = task.killed or task.sigterm_at is not None
    containers = [
        {**one, **({} if task.killed else {"exitCode": 143 if killed else 0})} for one in described["containers"]
    ]
    kept = ("taskArn", "clusterArn", "taskDefinitionArn", "group", "lastStatus", "desiredStatus")
    detail = {name: described[name] for name in kept}
    reason = "Task stopped" if killed else "Essential container in task exited"
    return {
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "resources": [task.arn],
        "detail": {**detail, "startedBy": started_by, "stoppedReason": reason, "containers": containers},
    }


def _of_call(
    definition: TaskDefinition, overrides: Mapping[str, Any], constraints: list[Mapping[str, Any]]
) -> TaskDefinition:
    """Return the definition with the size and the constraints of the call (ECS API, TaskOverride)."""
    if any({"cpu", "memory", "memoryReservation", "resourceRequirements"} & c.keys() for c in _containers(overrides)):
        raise NotSimulated("RunTask with sizes of containers")
    cpu, memory = overrides.get("cpu", definition.size.cpu_units), overrides.get("memory", definition.size.memory_mib)
    if not (str(cpu).isdecimal() and str(memory).isdecimal()):
        raise AwsError("ClientException", f"Invalid cpu or memory value: {cpu}, {memory}")
    return replace(
        definition,
        size=Size(int(cpu), int(memory)),
        member_of=(*definition.member_of, *(c["expression"] for c in constraints if c["type"] == "memberOf")),
        distinct=any(c["type"] == "distinctInstance" for c in constraints),
    )


def _check_lengths(params: Params) -> None:
    """Refuse what is longer than ECS API, RunTask, allows: "up to 128 letters", a token of 64 characters."""
    for name, most in (("startedBy", 128), ("clientToken", 64)):
        if len(params.get(name, "")) > most:
            raise AwsError("InvalidParameterException", f"{name} longer than {most}.")


def _containers(overrides: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = overrides.get("containerOverrides", [])
    return found
