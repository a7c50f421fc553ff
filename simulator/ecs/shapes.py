"""The shapes in which the ECS API describes its objects."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from simulator.ecs.devices import free_gpus, gpu_ids, platform_of
from simulator.ecs.interfaces import TRUNK
from simulator.ecs.service_shapes import deployment_id
from simulator.ecs.state import ContainerInstance, Otherwise, Task, TaskStatus
from simulator.ecs.task_definition import TaskDefinition


def desired_status(task: Task) -> str:
    """Return the task's desired status, as ECS names it."""
    return "STOPPED" if task.stopping else "RUNNING"


def launch_type_of(task: Task) -> str:
    """Return the launch type of a task, which a capacity provider gives it, too."""
    if task.instance.managed:
        return "MANAGED_INSTANCES"
    return "FARGATE" if not task.instance.arn else task.launch.type or "EC2"


def count_tasks(tasks: Iterable[Task]) -> dict[str, int]:
    """Count the tasks whose desired status is RUNNING, as DescribeContainerInstances and DescribeClusters do."""
    wanted = [t for t in tasks if not t.stopping]
    started = sum(t.started_at is not None for t in wanted)
    return {"runningTasksCount": started, "pendingTasksCount": len(wanted) - started}


def describe_instance(instance: ContainerInstance) -> dict[str, Any]:
    """Describe a container instance as DescribeContainerInstances does."""

    gpus = gpu_ids(instance.ec2_id, instance.instance_type)
    free = free_gpus(instance.instance_type, instance.tasks.values()) if gpus else 0

    def resources(cpu: int, memory: int, gpus: list[str]) -> list[dict[str, Any]]:
        return [
            {"name": "CPU", "type": "INTEGER", "integerValue": cpu},
            {"name": "MEMORY", "type": "INTEGER", "integerValue": memory},
            {"name": "PORTS", "type": "STRINGSET", "stringSetValue": [str(p) for p in sorted(instance.used_ports)]},
            *([{"name": "GPU", "type": "STRINGSET", "stringSetValue": gpus}] if gpus else []),
        ]

    # ECS Developer Guide, "Amazon ECS clusters for external instances": the machine is no EC2 instance, in no zone.
    own = {
        "ecs.instance-type": instance.instance_type,
        "ecs.availability-zone": instance.zone,
        **(platform_of(instance.instance_type) if instance.instance_type else {}),
    }
    if instance.external:
        own = {"ecs.capability.external": ""}
    elif instance.trunked:
        own[TRUNK] = f"eni-{instance.ec2_id.removeprefix('i-')}"
    return {
        "containerInstanceArn": instance.arn,
        "ec2InstanceId": instance.ec2_id,
        **({"capacityProviderName": instance.provider} if instance.provider else {}),
        "status": instance.status,
        "agentConnected": instance.agent_connected,
        "registeredResources": resources(instance.registered.cpu_units, instance.registered.memory_mib, gpus),
        "remainingResources": resources(instance.remaining.cpu_units, instance.remaining.memory_mib, gpus[:free]),
        # ECS API: only tasks whose desired status is RUNNING. A task that is told to stop leaves the count at once.
        **count_tasks(instance.tasks.values()),
        "attributes": [
            *({"name": name, "value": value} for name, value in {**own, **instance.attributes}.items()),
        ],
        # ECS API: "the resources attached to a container instance, such as an elastic network interface".
        "attachments": [{"type": "ElasticNetworkInterface", "status": "ATTACHED"} for _ in instance.with_interface()],
    }


def stop_code(task: Task) -> str:
    """Return why a task has stopped (ECS API, Task)."""
    if task.started_at is None and (task.instance.fails or not task.definition.starts):
        return "TaskFailedToStart"
    if task.retired_at is not None:
        return "ServiceSchedulerInitiated"
    return "EssentialContainerExited" if task.sigterm_at is None else "UserInitiated"


def describe_task(task: Task) -> dict[str, Any]:
    """Describe a task as DescribeTasks does."""
    definition = task.definition
    # A container has no status between RUNNING and STOPPED.
    of_container = TaskStatus.STOPPED if task.exited_at is not None else task.status
    container: dict[str, Any] = {"name": definition.container, "lastStatus": of_container.value}
    # amazon-ecs-agent PR 3479: in network mode host the agent reports no bindings.
    if task.host_port is not None and not definition.host_network:
        container["networkBindings"] = [
            {"containerPort": definition.container_port, "hostPort": task.host_port, "protocol": "tcp"}
        ]
    described: dict[str, Any] = {
        "taskArn": task.arn,
        "clusterArn": task.cluster.arn,
        # ECS API, Task: "The ARN of the container instances that host the task": a Fargate task has none.
        **({"containerInstanceArn": task.instance.arn} if task.instance.arn else {}),
        **({"capacityProviderName": task.provider} if task.provider else {}),
        "launchType": launch_type_of(task),
        "taskDefinitionArn": definition.arn,
        "group": task.group,
        "lastStatus": task.last_status.value,
        "desiredStatus": desired_status(task),
        "createdAt": datetime.fromtimestamp(task.created_at, UTC),
        "containers": [container],
        "attachments": [],
    }
    if task.status is TaskStatus.STOPPED:
        described["stopCode"] = stop_code(task)
        if failed := [t for t in task.targets if task.retired_at is not None and t.is_unhealthy(task.retired_at)]:
            reason = f"Task failed ELB health checks in (target-group {failed[0].group.arn})"
            described["stoppedReason"] = f"(service {task.service_name}) {reason}"
    if task.started_at is not None:
        described["startedAt"] = datetime.fromtimestamp(task.started_at, UTC)
    if task.sigterm_at is not None:
        described["stoppingAt"] = datetime.fromtimestamp(task.sigterm_at, UTC)
    if service := task.cluster.services.get(task.service_name):
        described["startedBy"] = deployment_id(service, task.revision)
        if service.otherwise is Otherwise.SERVICE_CONNECT:
            # Its container is in no task definition (ECS API, DescribeTasks).
            details = [{"name": "ContainerName", "value": "ecs-service-connect-oRK9o"}]
            described["attachments"].append({"type": "ServiceConnect", "status": "ATTACHED", "details": details})
    if task.address:
        details = [{"name": "privateIPv4Address", "value": task.address}]
        described["attachments"].append({"type": "ElasticNetworkInterface", "status": "ATTACHED", "details": details})
    return described


def describe_definition(definition: TaskDefinition) -> dict[str, Any]:
    """Describe a task definition as DescribeTaskDefinition does."""
    sidecars: list[dict[str, Any]] = [
        {"name": f"sidecar-{number}", "stopTimeout": stop_timeout_s}
        for number, stop_timeout_s in enumerate(definition.chain, start=1)
    ]
    container: dict[str, Any] = {
        "name": definition.container,
        "cpu": definition.size.cpu_units,
        "memoryReservation": definition.size.memory_mib,
        "stopTimeout": definition.stop_timeout_s,
    }
    if definition.gpus:
        container["resourceRequirements"] = [{"type": "GPU", "value": str(definition.gpus)}]
    if definition.container_port is not None:
        host_port = definition.container_port if definition.host_network else definition.host_port or 0
        container["portMappings"] = [
            {"containerPort": definition.container_port, "hostPort": host_port, "protocol": "tcp"}
        ]
    for one, needed in itertools.pairwise([container, *sidecars]):
        one["dependsOn"] = [{"containerName": needed["name"], "condition": "START"}]
    if definition.log_router_s is not None:
        for one in (container, *sidecars):
            one["logConfiguration"] = {"logDriver": "awsfirelens"}
        router = {"name": "log-router", "firelensConfiguration": {"type": "fluentbit"}}
        sidecars.append({**router, "stopTimeout": definition.log_router_s})
    return {
        "taskDefinitionArn": definition.arn,
        "family": definition.family,
        "revision": definition.revision,
        "networkMode": "awsvpc" if definition.awsvpc else "host" if definition.host_network else "bridge",
        "containerDefinitions": [container, *sidecars],
        "placementConstraints": [{"type": "memberOf", "expression": one} for one in definition.member_of],
        **({"runtimePlatform": dict(definition.platform)} if definition.platform else {}),
    }
