"""The alarms of clusters and of ECS's limits. The stacks add the dashboards, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra import dashboards, metrics, wiring
from infra.alarms import alarm, silence_alarm
from infra.queue_function import QueueFunction
from infra.settings.target import Settings
from infra.watched import OF_POOLS, OF_RENEWAL, WATCHED, Watched
from steady.api_budget import limits
from steady.metrics import MetricName

NO_TICK_MINUTES = 5
# Others in the account call ECS, too.
NEAR_A_LIMIT = 0.8


class WatchStack(cdk.Stack):
    """Alarms and dashboards of the suite. A function's own alarms (dead letters, errors) are beside the function."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        functions: Sequence[QueueFunction],
        ledger: dynamodb.ITable,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        for bucket in limits.BUCKETS:
            alarm(
                self,
                f"Limit-{bucket.name}",
                settings,
                name=f"ECS calls are near the limit of {bucket.name}",
                metric=metrics.api_calls(bucket),
                means=f"In one minute, the suite made more than {NEAR_A_LIMIT:.0%} of the ECS calls that the bucket "
                f"{bucket.name} allows. ECS throttles the calls over its limit, those of deployments too.",
                entry="near-an-api-limit",
                over=NEAR_A_LIMIT * bucket.per_minute,
            )
        if settings.dashboards == "all":
            dashboards.add_suite_dashboard(self, settings, functions, ledger)


class ClusterWatchStack(cdk.Stack):
    """Alarms and the dashboard of one cluster.

    A stack for each, whatever the other rows are: alarms that change their stack would be made before they are deleted.
    """

    def __init__(self, scope: Construct, id_: str, *, settings: Settings, cluster: str, **kwargs: Any) -> None:
        super().__init__(scope, id_, **kwargs)
        if settings.dashboards != "none":
            dashboards.add_cluster_dashboard(self, settings, cluster)
        for watched in (*WATCHED, *(OF_RENEWAL if dashboards.renews(settings, cluster) else ())):
            self._watch(watched, settings, cluster)
        for pool in settings.several_pools.get(cluster, ()):
            for watched in OF_POOLS:
                self._watch(watched, settings, cluster, pool)
        silence_alarm(
            self,
            f"Ticks-{cluster}",
            settings,
            name=f"{cluster} is not evaluated",
            metric=metrics.of_cluster(MetricName.TICKS, cluster, wiring.AUTOSCALER),
            means=f"Cluster {cluster} has not been evaluated on schedule for {NO_TICK_MINUTES} minutes. It scales only "
            "on placement failures, interruptions and RunTask failures until ticks come again.",
            entry="no-tick",
            minutes=NO_TICK_MINUTES,
        )

    def _watch(self, watched: Watched, settings: Settings, cluster: str, pool: str = "") -> None:
        alarm(
            self,
            "-".join(filter(None, (watched.metric, cluster, pool))),
            settings,
            name=f"{cluster} pool {pool} {watched.name}" if pool else f"{cluster} {watched.name}",
            metric=metrics.of_cluster(watched.metric, cluster, watched.feed, watched.statistic, pool=pool),
            means=watched.means.format(cluster=cluster, pool=pool),
            entry=watched.entry,
            over=watched.over,
            minutes=watched.minutes,
            of_minutes=watched.of_minutes or watched.minutes,
        )
