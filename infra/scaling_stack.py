"""Scaling: a tick a minute for each cluster; placement failures, interruptions and hako's failures at once."""

from typing import Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import permissions, wiring
from infra.alerts_stack import sns_key
from infra.queue_function import QueueFunction
from infra.settings.target import Settings


@jsii.implements(lambda_.IDestination)
class _ToQueue:
    """A queue to which Lambda sends the records of failed invocations, with the function's own right to send."""

    def __init__(self, queue: sqs.IQueue) -> None:
        self._queue = queue

    def bind(self, scope: Construct, fn: lambda_.IFunction, *, type: lambda_.DestinationType) -> Any:  # noqa: A002, ARG002
        # Not SqsDestination, which also allows to read the queue's attributes.
        return lambda_.DestinationConfig(destination=self._queue.queue_arn)


class ScalingStack(cdk.Stack):
    """The autoscaler and the RunTask failures' function. No other function changes capacity."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        ledger: dynamodb.ITable,
        alerts: sns.ITopic,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        environment = {"LEDGER_TABLE": ledger.table_name, "PEOPLE_TOPIC_ARN": alerts.topic_arn}
        autoscaler = QueueFunction(
            self, "Autoscaler", feed=wiring.AUTOSCALER, settings=settings, environment=environment
        )
        failures = QueueFunction(
            self, "RunTaskFailure", feed=wiring.RUNTASK_FAILURE, settings=settings, environment=environment
        )
        if settings.cloudtrail_failures:
            failures.feed_from_events(*wiring.FAILED_CALLS)
        for function in (autoscaler, failures):
            permissions.may_read_thresholds(function)
            permissions.may_work_in_clusters(
                function,
                settings,
                "ecs:ListServices",
                "ecs:GetTaskProtection",
                "ecs:UpdateContainerInstancesState",
                "ecs:DeleteAttributes",
            )
            permissions.may_change_capacity(function, settings)
            permissions.may_order_types(function, settings)
            # Both may book a later evaluation, by a delayed message to the autoscaler.
            function.function.add_environment("AUTOSCALER_QUEUE_URL", autoscaler.queue.queue_url)
            function.may_send_to(autoscaler.queue)
            alerts.grant_publish(function.role)
            ledger.grant(function.role, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
        self.autoscaler_queue = autoscaler.queue
        # It feeds the interruption handler. Made here: that function's stack needs this one, and not the reverse.
        self.unserved_queue = sqs.Queue(
            self,
            "Unserved",
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            visibility_timeout=cdk.Duration.seconds(wiring.INTERRUPTION.visibility_s),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=autoscaler.dead_letters, max_receive_count=wiring.INTERRUPTION.max_receives
            ),
        )
        autoscaler.function.add_environment("UNSERVED_QUEUE_URL", self.unserved_queue.queue_url)
        autoscaler.may_send_to(self.unserved_queue)
        self.functions = (autoscaler, failures)
        # Lambda would repeat a failed tick a minute later, when the next one comes (Lambda Developer Guide, "How Lambda
        # handles errors and retries with asynchronous invocation"). So its queue is told of it at once, and whose hold
        # of the cluster is over.
        autoscaler.function.configure_async_invoke(
            retry_attempts=0,
            max_event_age=cdk.Duration.seconds(wiring.TICK_S),
            on_failure=_ToQueue(autoscaler.queue),
        )
        self._ticks(autoscaler, settings)

        topic = sns.Topic(self, "RunTaskFailures", enforce_ssl=True, master_key=sns_key(self))
        topic.add_subscription(subscriptions.SqsSubscription(failures.queue, dead_letter_queue=failures.dead_letters))
        cdk.CfnOutput(
            self,
            "RunTaskFailureTopic",
            value=topic.topic_arn,
            description="hako's autoscaling_topic_for_oneshot",
        )

    def _ticks(self, autoscaler: QueueFunction, settings: Settings) -> None:
        for cluster in settings.clusters:
            scheduler.Schedule(
                self,
                f"Tick-{cluster.name}",
                schedule=scheduler.ScheduleExpression.rate(cdk.Duration.seconds(wiring.TICK_S)),
                target=targets.LambdaInvoke(
                    autoscaler.function,
                    input=scheduler.ScheduleTargetInput.from_object({"cluster": cluster.name}),
                    retry_attempts=0,
                    dead_letter_queue=autoscaler.dead_letters,
                ),
            )
