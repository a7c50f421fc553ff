"""What the suite remembers and what operators tune: the ledger, and the thresholds as SSM parameters."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.settings import Settings
from steady.aws.parameters import CLUSTERS_PATH, DEFAULTS_PATH
from steady.thresholds import THRESHOLDS

POOL_PATTERN = r"^(auto-scaling-group:\S+|spot-fleet:sfr-\S+)$"


class StateStack(cdk.Stack):
    """The ledger's table, the deployment's defaults, and each cluster's pool and own thresholds."""

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(scope, id_, **kwargs)
        self.ledger = dynamodb.Table(
            self,
            "Ledger",
            partition_key=dynamodb.Attribute(name="cluster", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            # What it holds is seen again within minutes: nothing is lost with it.
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        for threshold in THRESHOLDS.values():
            self._parameter(
                f"{DEFAULTS_PATH}/{threshold.name}",
                str(threshold.default),
                threshold.allowed_pattern,
                f"{threshold.meaning} {threshold.needed}.",
            )
        for cluster in settings.clusters:
            where = f"{CLUSTERS_PATH}/{cluster.name}"
            self._parameter(
                f"{where}/capacity", str(cluster.pool), POOL_PATTERN, f"What gives {cluster.name} instances."
            )
            for name, value in cluster.thresholds.items():
                threshold = THRESHOLDS[name]
                self._parameter(f"{where}/{name}", value, threshold.allowed_pattern, threshold.meaning)

    def _parameter(self, name: str, value: str, pattern: str, description: str) -> None:
        ssm.StringParameter(
            self,
            name.strip("/").replace("/", "-"),
            parameter_name=name,
            string_value=value,
            allowed_pattern=pattern,
            description=description,
        )
