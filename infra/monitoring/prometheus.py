"""Prometheus as a service. Its configuration comes from `monitoring/`; its samples are kept on EFS."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.monitoring.kept_service import KeptService
from infra.packed_files import FOLDER, container_with
from infra.settings.monitoring import MonitoringSettings
from monitoring.configuration import prometheus_files

PORT = 9090
DATA = "/prometheus"
# The image's user `nobody`.
USER = 65534
CPU_UNITS, MEMORY_MIB, MEMORY_LIMIT_MIB = 512, 1024, 4096


class Prometheus(KeptService):
    """One Prometheus for all clusters of the Region."""

    def __init__(self, scope: Construct, id_: str, *, settings: MonitoringSettings, **where: Any) -> None:
        configuration = prometheus_files(
            sidecars=settings.sidecars, remote_write=settings.remote_write, alertmanager=settings.alertmanager
        )
        run = (
            f"prometheus --config.file={FOLDER}/prometheus.yml --storage.tsdb.path={DATA}"
            f" --storage.tsdb.retention.time={settings.keep_days}d --web.listen-address=:{PORT}"
        )
        environment = {"AWS_REGION": cdk.Stack.of(scope).region}
        super().__init__(
            scope,
            id_,
            name="prometheus",
            port=PORT,
            folder=DATA,
            user=USER,
            image=ecs.ContainerImage.from_registry(settings.images.prometheus),
            **container_with(configuration, run, environment, region_in="prometheus.yml"),
            cpu=CPU_UNITS,
            memory_reservation_mib=MEMORY_MIB,
            memory_limit_mib=MEMORY_LIMIT_MIB,
            **where,
        )
        # Neither has a resource (Service Authorization Reference: EC2).
        self.task.add_to_task_role_policy(
            iam.PolicyStatement(actions=["ec2:DescribeAvailabilityZones", "ec2:DescribeInstances"], resources=["*"])
        )
