"""A daemon service: one task on each container instance of a cluster."""

from __future__ import annotations

from aws_cdk import aws_ecs as ecs
from constructs import Construct


def daemon_service(scope: Construct, name: str, cluster: ecs.ICluster, task: ecs.Ec2TaskDefinition) -> ecs.Ec2Service:
    """Add the daemon service `name`. A task uses a port of its instance: the old one ends before the new one starts."""
    return ecs.Ec2Service(
        scope,
        "Service",
        service_name=name,
        cluster=cluster,
        task_definition=task,
        daemon=True,
        min_healthy_percent=0,
        max_healthy_percent=100,
        circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
    )
