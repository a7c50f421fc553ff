"""A Lambda function of the suite, with its alarm and its role. The role may only log until it is allowed more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import wiring
from infra.alarms import alarm
from infra.settings.target import Settings

ASSET = Path(__file__).parent.parent / "functions"
# Powertools publishes its layers from this account, in every Region.
POWERTOOLS_ACCOUNT = "017000801446"


class SuiteFunction(Construct):
    """The function `name`, and an alarm on its errors.

    Args:
        fails_at_once: whether one error is an alarm. Else it takes errors in two of three minutes, since those of a
            function that runs each minute pass by themselves.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        handler: str,
        timeout_s: int,
        settings: Settings,
        environment: Mapping[str, str],
        fails_at_once: bool = False,
    ) -> None:
        super().__init__(scope, id_)
        log_group = logs.LogGroup(
            self, "Logs", retention=logs.RetentionDays.ONE_MONTH, removal_policy=cdk.RemovalPolicy.DESTROY
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=lambda_.Code.from_asset(str(ASSET), exclude=["**/__pycache__", "**/*.pyc"]),
            handler=handler,
            role=self.role,
            timeout=cdk.Duration.seconds(timeout_s),
            memory_size=wiring.MEMORY_MB[name],
            log_group=log_group,
            layers=_layers(self, settings),
            environment={"POWERTOOLS_SERVICE_NAME": name, **environment},
        )
        alarm(
            self,
            "ErrorsAlarm",
            settings,
            name=f"{name} fails",
            metric=self.function.metric_errors(period=cdk.Duration.minutes(1)),
            means=f"The function {name} ended with an error, or ran into its timeout"
            f"{'' if fails_at_once else ', in two of three minutes'}. Failed messages are repeated; the next scheduled "
            "run takes the place of a failed one. The log has the cause.",
            entry="errors",
            minutes=1 if fails_at_once else 2,
            of_minutes=1 if fails_at_once else 3,
        )

    def may_send_to(self, queue: sqs.IQueue) -> None:
        # Not grant_send_messages, which also allows to read the queue's attributes.
        self.allow(["sqs:SendMessage"], [queue.queue_arn])

    def allow(self, actions: Iterable[str], resources: Iterable[str], **conditions: Mapping[str, object]) -> None:
        """Allow the function to call `actions` on `resources`."""
        self.role.add_to_policy(
            iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions or None)
        )


def _layers(scope: Construct, settings: Settings) -> list[lambda_.ILayerVersion]:
    # Version 0: no layer (an emulator has Powertools installed).
    if not settings.powertools_layer_version:
        return []
    name = f"AWSLambdaPowertoolsPythonV3-python313-arm64:{settings.powertools_layer_version}"
    region = cdk.Stack.of(scope).region
    arn = f"arn:aws:lambda:{region}:{POWERTOOLS_ACCOUNT}:layer:{name}"
    return [lambda_.LayerVersion.from_layer_version_arn(scope, "Powertools", arn)]
