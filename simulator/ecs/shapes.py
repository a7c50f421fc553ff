"""The shapes in which the ECS API describes its objects."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from simulator.ecs.state import ContainerInstance, Service, Task, TaskDefinition, TaskStatus


def desired_status(task: Task) -> str:
    """Return the task's desired status, as ECS names it."""
    return "STOPPED" if task.stopping else "RUNNING"


def count_tasks(tasks: Iterable[Task]) -> dict[str, int]:
    """Count the tasks whose desired status is RUNNING, as DescribeContainerInstances and DescribeClusters do."""
    wanted = [t for t in tasks if not t.stopping]
    started = sum(t.started_at is not None for t in wanted)
    return {"runningTasksCount": started, "pendingTasksCount": len(wanted) - started}


def describe_instance(instance: ContainerInstance) -> dict[str, Any]:
    """Describe a container instance as DescribeContainerInstances does."""

    def resources(cpu: int, memory: int) -> list[dict[str, Any]]:
        return [
            {"name": "CPU", "type": "INTEGER", "integerValue": cpu},
            {"name": "MEMORY", "type": "INTEGER", "integerValue": memory},
            {"name": "PORTS", "type": "STRINGSET", "stringSetValue": [str(p) for p in sorted(instance.used_ports)]},
        ]

    return {
        "containerInstanceArn": instance.arn,
        "ec2InstanceId": instance.ec2_id,
        "status": instance.status,
        "agentConnected": instance.agent_connected,
        "registeredResources": resources(instance.registered.cpu_units, instance.registered.memory_mib),
        "remainingResources": resources(instance.remaining.cpu_units, instance.remaining.memory_mib),
        # ECS API: only tasks whose desired status is RUNNING. A task that is told to stop leaves the count at once.
        **count_tasks(instance.tasks.values()),
        "attributes": [
            {"name": "ecs.instance-type", "value": instance.instance_type},
            {"name": "ecs.availability-zone", "value": instance.zone},
        ],
    }


def describe_service(service: Service) -> dict[str, Any]:
    """Describe a service as DescribeServices does."""
    running, pending = service.counts()
    return {
        "serviceName": service.name,
        "serviceArn": service.arn,
        "clusterArn": service.cluster.arn,
        "status": "ACTIVE",
        "desiredCount": 0 if service.daemon else service.desired,
        "runningCount": running,
        "pendingCount": pending,
        "taskDefinition": service.definition.arn,
        "schedulingStrategy": "DAEMON" if service.daemon else "REPLICA",
        "loadBalancers": [
            {
                "targetGroupArn": arn,
                "containerName": service.definition.container,
                "containerPort": service.definition.container_port,
            }
            for arn in service.target_groups
        ],
    }


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
        "containerInstanceArn": task.instance.arn,
        "taskDefinitionArn": definition.arn,
        "group": task.group,
        "lastStatus": task.last_status.value,
        "desiredStatus": desired_status(task),
        "createdAt": datetime.fromtimestamp(task.created_at, UTC),
        "containers": [container],
        "attachments": [],
    }
    if task.address:
        described["attachments"] = [
            {
                "type": "ElasticNetworkInterface",
                "status": "ATTACHED",
                "details": [{"name": "privateIPv4Address", "value": task.address}],
            }
        ]
    return described


def describe_definition(definition: TaskDefinition) -> dict[str, Any]:
    """Describe a task definition as DescribeTaskDefinition does."""
    container: dict[str, Any] = {
        "name": definition.container,
        "cpu": definition.size.cpu_units,
        "memoryReservation": definition.size.memory_mib,
        "stopTimeout": definition.stop_timeout_s,
    }
    if definition.container_port is not None:
        host_port = definition.container_port if definition.host_network else definition.host_port or 0
        container["portMappings"] = [
            {"containerPort": definition.container_port, "hostPort": host_port, "protocol": "tcp"}
        ]
    return {
        "taskDefinitionArn": definition.arn,
        "family": definition.family,
        "revision": definition.revision,
        "networkMode": "awsvpc" if definition.awsvpc else "host" if definition.host_network else "bridge",
        "containerDefinitions": [container],
    }
