"""Container logs in S3, searched with Athena: the bucket, a catalogue that is made daily, a workgroup with a limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_athena as athena
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_glue as glue
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from constructs import Construct

from infra import wiring
from infra.clusters.stack import ClusterStack
from infra.docker_hub import mirrored
from infra.log_shipping.aggregators import Aggregators
from infra.log_shipping.shippers import Shippers
from infra.network import Network, existing
from infra.settings.logs import AggregatorSettings, LogSettings
from infra.settings.networks import ExistingNetwork
from infra.settings.target import Settings
from infra.suite_function import SuiteFunction
from steady.names import DATABASE, WORKGROUP

RESULTS = "athena-results/"
# Results of queries are kept for a week only.
RESULTS_DAYS = 7
# Days until a log moves to a storage class that costs less to keep and more to read. Old logs are seldom read.
INFREQUENT_DAYS, ARCHIVE_DAYS = 30, 90
# 00:10 UTC: by then, the first logs of the day have arrived.
DAILY = scheduler.ScheduleExpression.cron(minute="10", hour="0", time_zone=cdk.TimeZone.ETC_UTC)
GIB = 1024**3

# Named queries for the most frequent questions. Operators fill in {table} and the other words in braces.
QUERIES = {
    "errors of a day": 'select time, log from "{table}" where year = {year} and month = {month} and day = {day} '
    "and log like '%ERROR%' order by time",
    "lines of one task": 'select time, log from "{table}" where year = {year} and month = {month} and day = {day} '
    "and task_arn like '%{task}' order by time",
}


class LogsStack(cdk.Stack):
    """The log bucket (docs/logs.md has its keys), its catalogue, the Athena workgroup, and the shipping of lines."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        log: LogSettings,
        network: Network | ExistingNetwork | None = None,
        clusters: Sequence[ClusterStack] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        self.bucket = _bucket(self, "Logs", log.keep_days, archive=True)
        # Results are kept in their own bucket: a table's prefix may hold nothing but logs.
        results = _bucket(self, "Results", RESULTS_DAYS, archive=False)
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=self.account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=DATABASE, description="Container logs, a table a task definition family and container."
            ),
        )
        workgroup = athena.CfnWorkGroup(
            self,
            "Workgroup",
            name=WORKGROUP,
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                bytes_scanned_cutoff_per_query=log.scan_limit_gib * GIB,
                publish_cloud_watch_metrics_enabled=True,
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=results.s3_url_for_object(RESULTS),
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_S3"
                    ),
                ),
            ),
        )
        for number, (name, query) in enumerate(QUERIES.items()):
            named = athena.CfnNamedQuery(
                self, f"Query{number}", database=DATABASE, name=name, query_string=query, work_group=WORKGROUP
            )
            named.node.add_dependency(workgroup, database)
        self._catalog(settings, log, database)
        if log.aggregators and network:
            self._shipping(settings, log.aggregators, network, clusters)
        cdk.CfnOutput(self, "LogBucket", value=self.bucket.bucket_name, description="The bucket that holds the logs.")

    def _catalog(self, settings: Settings, log: LogSettings, database: glue.CfnDatabase) -> None:
        catalog = SuiteFunction(
            self,
            "LogCatalog",
            name=wiring.LOG_CATALOG.function,
            handler=wiring.LOG_CATALOG.handler,
            timeout_s=wiring.LOG_CATALOG.timeout_s,
            settings=settings,
            # It runs once a day, and its retries are more than ten minutes apart.
            fails_at_once=True,
            environment={
                "LOG_BUCKET": self.bucket.bucket_name,
                "LOG_DATABASE": DATABASE,
                "PARTITIONS": "projected" if log.projected else "made",
            },
        )
        catalog.node.add_dependency(database)
        catalog.allow(["s3:ListBucket"], [self.bucket.bucket_arn])
        # Glue: an action on a table needs the permission on the catalogue and the database as well.
        resources = [("catalog", ""), ("database", DATABASE), ("table", f"{DATABASE}/*")]
        arns = [self.format_arn(service="glue", resource=kind, resource_name=name or None) for kind, name in resources]
        partitions = [] if log.projected else ["glue:BatchCreatePartition"]
        catalog.allow(
            ["glue:BatchDeleteTable", "glue:CreateTable", "glue:GetTables", "glue:UpdateTable", *partitions], arns
        )
        scheduler.Schedule(
            self,
            "Daily",
            schedule=DAILY,
            target=targets.LambdaInvoke(catalog.function, input=scheduler.ScheduleTargetInput.from_object({})),
        )

    def _shipping(
        self,
        settings: Settings,
        log: AggregatorSettings,
        network: Network | ExistingNetwork,
        made: Sequence[ClusterStack],
    ) -> None:
        """Add the aggregators, and a shipper on each instance of every cluster."""
        there = existing(self, network) if isinstance(network, ExistingNetwork) else network
        clusters = {
            row.name: ecs.Cluster.from_cluster_attributes(
                self, f"Cluster-{row.name}", cluster_name=row.name, vpc=there.vpc, has_ec2_capacity=True
            )
            for row in settings.clusters
        }
        log = log.model_copy(update={"image": mirrored(log.image, settings.docker_hub_mirror)})
        zones = settings.zones_of(log.cluster) or tuple(there.subnets)
        aggregators = Aggregators(
            self,
            "Aggregators",
            cluster=clusters[log.cluster],
            network=there,
            zones=zones,
            bucket=self.bucket,
            settings=log,
            clients=[stack.made.instances.security_group for stack in made],
        )
        for name, cluster in clusters.items():
            Shippers(self, f"Shippers-{name}", cluster=cluster, image=log.image, aggregators=aggregators.address)
        for stack in made:
            self.add_stack_dependency(stack)
        cdk.CfnOutput(
            self,
            "AggregatorsSecurityGroup",
            value=aggregators.door.security_group_id,
            description="The security group of the aggregators' load balancer.",
        )


def _bucket(scope: Construct, id_: str, keep_days: int, *, archive: bool) -> s3.Bucket:
    transitions = [
        s3.Transition(storage_class=storage, transition_after=cdk.Duration.days(days))
        for storage, days in (
            (s3.StorageClass.INFREQUENT_ACCESS, INFREQUENT_DAYS),
            (s3.StorageClass.GLACIER_INSTANT_RETRIEVAL, ARCHIVE_DAYS),
        )
        if archive and days < keep_days
    ]
    return s3.Bucket(
        scope,
        id_,
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        lifecycle_rules=[
            s3.LifecycleRule(
                transitions=transitions or None,
                expiration=cdk.Duration.days(keep_days),
                abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
            )
        ],
        # CloudFormation refuses to delete a bucket that has objects, and the deletion of the stack would end there.
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )
