"""The suite's state and the operators' settings: the ledger, and the thresholds as SSM parameters."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra import parameters
from infra.settings.clusters import MadeCluster
from infra.settings.target import Settings


class StateStack(cdk.Stack):
    """The ledger's table, the deployment's thresholds, and the pools and own thresholds of adopted clusters."""

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
            # The suite observes all of the state again within minutes: no data is lost with the table.
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        parameters.add_ledger(self, self.ledger.table_name)
        parameters.add_thresholds(self, settings.thresholds)
        for cluster in settings.clusters:
            if not isinstance(cluster, MadeCluster):
                parameters.add_adopted(self, cluster)
