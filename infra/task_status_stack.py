"""The bucket where a batch launcher looks for its tasks: one object for each task that started or stopped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra import wiring
from infra.many_clusters import PATTERN_CHARACTERS, in_chunks
from infra.queue_function import QueueFunction
from infra.settings.target import Settings, TaskStatusSettings

PREFIX = "tasks"


class TaskStatusStack(cdk.Stack):
    """A function that writes to S3 which tasks started and stopped, for tasks that no service has started."""

    def __init__(
        self, scope: Construct, id_: str, *, settings: Settings, status: TaskStatusSettings, **kwargs: Any
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        bucket = s3.Bucket(
            self,
            "Statuses",
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(status.keep_days))],
            # CloudFormation refuses to delete a bucket that has objects. These expire.
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        patterns = []
        for names in in_chunks([c.name for c in settings.clusters], PATTERN_CHARACTERS):
            clusters = [self.format_arn(service="ecs", resource="cluster", resource_name=name) for name in names]
            detail = {**wiring.BATCH_TASK["detail"], "clusterArn": clusters}
            patterns.append({**wiring.BATCH_TASK, "detail": detail})
        self.function = QueueFunction(
            self,
            "TaskStatus",
            feed=replace(wiring.TASK_STATUS, patterns=tuple(patterns)),
            settings=settings,
            environment={"STATUS_BUCKET": bucket.bucket_name, "STATUS_PREFIX": PREFIX},
        )
        self.function.allow(["s3:PutObject"], [bucket.arn_for_objects(f"{PREFIX}/*")])
        cdk.CfnOutput(
            self,
            "OneshotNotificationPrefix",
            value=f"s3://{bucket.bucket_name}/{PREFIX}",
            description="hako's oneshot_notification_prefix.",
        )
