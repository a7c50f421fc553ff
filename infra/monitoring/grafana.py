"""Grafana as a service. Data sources and dashboards come from `monitoring/`; additions of users are kept on EFS."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.monitoring.kept_service import KeptService
from infra.packed_files import FOLDER, container_with
from monitoring.configuration import grafana_files

PORT = 3000
DATA = "/var/lib/grafana"
# The image's user `grafana`.
USER = 472
CPU_UNITS, MEMORY_MIB, MEMORY_LIMIT_MIB = 128, 256, 1024
SOURCES = "provisioning/datasources/ecs-steady.yml"


class Grafana(KeptService):
    """One Grafana. Only users with an account see it; the password of `admin` is in Secrets Manager."""

    def __init__(self, scope: Construct, id_: str, *, image: str, prometheus_host: str, **where: Any) -> None:
        self.password = secretsmanager.Secret(
            scope,
            f"{id_}Password",
            description="The password of Grafana's user admin, from its first start.",
            generate_secret_string=secretsmanager.SecretStringGenerator(password_length=32, exclude_punctuation=True),
        )
        environment = {
            "AWS_REGION": cdk.Stack.of(scope).region,
            "GF_PATHS_PROVISIONING": f"{FOLDER}/provisioning",
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
            "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
            "GF_USERS_ALLOW_SIGN_UP": "false",
        }
        files = grafana_files(prometheus_host)
        super().__init__(
            scope,
            id_,
            name="grafana",
            port=PORT,
            folder=DATA,
            user=USER,
            image=ecs.ContainerImage.from_registry(image),
            **container_with(files, "/run.sh", environment, region_in=SOURCES),
            secrets={"GF_SECURITY_ADMIN_PASSWORD": ecs.Secret.from_secrets_manager(self.password)},
            cpu=CPU_UNITS,
            memory_reservation_mib=MEMORY_MIB,
            memory_limit_mib=MEMORY_LIMIT_MIB,
            **where,
        )
        # None of these has a resource (Service Authorization Reference: CloudWatch).
        self.task.add_to_task_role_policy(
            iam.PolicyStatement(actions=["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"], resources=["*"])
        )
