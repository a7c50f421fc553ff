"""The launch queue: requests for RunTask, which wait in a table until there is room."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import parameters, permissions, wiring
from infra.queue_function import QueueFunction
from infra.settings.target import Settings, TaskLauncherSettings
from steady.aws import queued_runs


class TaskLauncherStack(cdk.Stack):
    """A queue, the function that runs its requests, their table, and a round a minute for each cluster."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        launcher: TaskLauncherSettings,
        ledger: dynamodb.ITable,
        autoscaler_queue: sqs.IQueue,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        table = dynamodb.Table(
            self,
            "Launches",
            partition_key=dynamodb.Attribute(name=queued_runs.KEY, type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            time_to_live_attribute=queued_runs.EXPIRES,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            # Requests that wait are nowhere else.
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        table.add_global_secondary_index(
            index_name=queued_runs.WAITING_INDEX,
            partition_key=dynamodb.Attribute(name=queued_runs.WAITS_IN, type=dynamodb.AttributeType.STRING),
        )
        function = QueueFunction(
            self,
            "TaskLauncher",
            feed=wiring.TASK_LAUNCHER,
            settings=settings,
            environment={
                "LAUNCHES_TABLE": table.table_name,
                "LEDGER_TABLE": ledger.table_name,
                "AUTOSCALER_QUEUE_URL": autoscaler_queue.queue_url,
            },
        )
        self.function = function
        parameters.add_launches(self, table.table_name, function.queue.queue_url)
        function.function.add_environment("QUEUE_URL", function.queue.queue_url)
        function.may_send_to(function.queue)
        function.may_send_to(autoscaler_queue)
        permissions.may_read_thresholds(function)
        permissions.may_run_tasks(function, settings, launcher.roles)
        permissions.may_put_events(function)
        permissions.may_answer_states(function)
        permissions.may_read_providers(function, settings)
        ledger.grant(function.role, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")
        function.allow(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], [table.table_arn])
        function.allow(["dynamodb:Query"], [f"{table.table_arn}/index/{queued_runs.WAITING_INDEX}"])
        for cluster in settings.clusters:
            scheduler.Schedule(
                self,
                f"Round-{cluster.name}",
                schedule=scheduler.ScheduleExpression.rate(cdk.Duration.seconds(wiring.TICK_S)),
                target=targets.SqsSendMessage(
                    function.queue,
                    input=scheduler.ScheduleTargetInput.from_object({"round": cluster.name}),
                    retry_attempts=0,
                    dead_letter_queue=function.dead_letters,
                ),
            )
        cdk.CfnOutput(
            self, "LaunchQueueUrl", value=function.queue.queue_url, description="Where requests for RunTask are sent."
        )
        cdk.CfnOutput(
            self, "LaunchQueueArn", value=function.queue.queue_arn, description="The same, for EventBridge Scheduler."
        )
