"""A Lambda function with the queue that feeds it, its dead-letter queue and its alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.alarms import alarm
from infra.settings import Settings
from infra.wiring import Feed

ASSET = Path(__file__).parent.parent / "functions"
# Powertools publishes its layers from this account, in every Region.
POWERTOOLS_ACCOUNT = "017000801446"
LONGEST_BATCH_S = 14 * 24 * 3600


class FedFunction(Construct):
    """Events or messages -> `queue` -> `function`; what cannot be handled -> `dead_letters`, with an alarm."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        feed: Feed,
        settings: Settings,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id_)
        self.feed = feed
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            retention_period=cdk.Duration.seconds(LONGEST_BATCH_S),
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            visibility_timeout=cdk.Duration.seconds(feed.visibility_s),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=feed.max_receives),
        )
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
            handler=feed.handler,
            role=self.role,
            timeout=cdk.Duration.seconds(feed.timeout_s),
            memory_size=512,
            log_group=log_group,
            layers=_layers(self, settings),
            environment={
                "POWERTOOLS_SERVICE_NAME": feed.function,
                "DEAD_LETTER_QUEUE_URL": self.dead_letters.queue_url,
                **environment,
            },
        )
        self.function.add_event_source(
            sources.SqsEventSource(
                self.queue,
                batch_size=feed.batch_size,
                max_batching_window=cdk.Duration.seconds(feed.window_s),
                report_batch_item_failures=True,
            )
        )
        self.dead_letters.grant_send_messages(self.role)
        for number, pattern in enumerate(feed.patterns):
            rule = events.Rule(self, f"Rule{number}", event_pattern=_pattern(pattern))
            rule.add_target(targets.SqsQueue(self.queue, dead_letter_queue=self.dead_letters))
        self._alarms(settings)

    def allow(self, actions_: Iterable[str], resources: Iterable[str], **conditions: Mapping[str, object]) -> None:
        """Lets the function call `actions_` on `resources`."""
        self.role.add_to_policy(
            iam.PolicyStatement(actions=list(actions_), resources=list(resources), conditions=conditions or None)
        )

    def _alarms(self, settings: Settings) -> None:
        minute = cdk.Duration.minutes(1)
        alarm(
            self,
            "DeadLettersAlarm",
            settings,
            name=f"{self.feed.function} has dead letters",
            metric=self.dead_letters.metric_approximate_number_of_messages_visible(period=minute, statistic="Maximum"),
            means="Messages could not be handled: each has its reason as the attribute `error`.",
            entry="dead-letters",
        )
        alarm(
            self,
            "ErrorsAlarm",
            settings,
            name=f"{self.feed.function} fails",
            metric=self.function.metric_errors(period=minute),
            means="The function ended with an error or ran into its timeout.",
            entry="errors",
            minutes=2,
            of_minutes=3,
        )


def _layers(scope: Construct, settings: Settings) -> list[lambda_.ILayerVersion]:
    # Version 0: no layer (an emulator has Powertools in its own interpreter).
    if not settings.powertools_layer_version:
        return []
    name = f"AWSLambdaPowertoolsPythonV3-python313-arm64:{settings.powertools_layer_version}"
    region = cdk.Stack.of(scope).region
    arn = f"arn:aws:lambda:{region}:{POWERTOOLS_ACCOUNT}:layer:{name}"
    return [lambda_.LayerVersion.from_layer_version_arn(scope, "Powertools", arn)]


def _pattern(pattern: Mapping[str, Any]) -> events.EventPattern:
    names = {"source": "source", "detail-type": "detail_type", "detail": "detail"}
    return events.EventPattern(**{names[key]: value for key, value in pattern.items()})
