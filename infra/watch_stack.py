"""What is watched: an alarm for each thing that people have to know of, a dashboard a cluster, one for the suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
import cdk_monitoring_constructs as monitoring
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra import metrics, wiring
from infra.alarms import alarm, silence_alarm
from infra.queue_function import QueueFunction
from infra.settings.target import Settings
from infra.wiring import Feed
from steady.api_budget import limits
from steady.scaling import observations, reasons

# A notice leaves 120 s: what has not begun after this long is late.
DEREGISTERED_WITHIN_S = 15
NO_TICK_MINUTES = 5
SHORT_MINUTES = 15
DRIFT_MINUTES = 10
# Less than that is a reclaim, or a burst of work.
SHED_MINUTES = 15
# Others in the account call ECS, too.
NEAR_A_LIMIT = 0.8


@dataclass(frozen=True, slots=True)
class Watched:
    """A metric of each cluster that is an alarm when it is over `over` in all of `minutes`."""

    metric: str
    what: str
    means: str
    entry: str
    minutes: int = 1
    feed: Feed = wiring.AUTOSCALER
    statistic: str = "Sum"
    over: float = 0


WATCHED = (
    Watched(
        reasons.AtMaximum.__name__,
        "is at its maximum",
        "wants more capacity than its maximum: work waits.",
        "at-the-maximum",
        minutes=3,
    ),
    Watched(
        reasons.DriftIsNotCapacity.__name__,
        "has drift that is not capacity",
        "has services that lack tasks although there is room for them: look at their events.",
        "drift-that-is-not-capacity",
        minutes=DRIFT_MINUTES,
    ),
    Watched(
        "BadThresholds",
        "has a bad threshold",
        "has parameters that are wrong; the message before this one, and `steady config check`, name them.",
        "bad-threshold",
    ),
    Watched(
        "ParametersUnreadable",
        "cannot read its parameters",
        "only grows, by thresholds as they were last known: SSM does not answer, or not to the role.",
        "dependencies-do-not-answer",
    ),
    Watched(
        "LedgerUnreachable",
        "has no ledger",
        "only grows: DynamoDB does not answer, or not to the role.",
        "dependencies-do-not-answer",
    ),
    Watched(
        "CallsShed",
        "leaves calls for later",
        "is looked at less than it would be: ECS calls are at the suite's share, api_share.",
        "near-an-api-limit",
        minutes=SHED_MINUTES,
    ),
    Watched(
        "SpotShort",
        "is short of Spot",
        "has not got from Spot what its fleet asks for.",
        "spot-shortage",
        minutes=SHORT_MINUTES,
        statistic="Minimum",
    ),
    Watched(
        reasons.BootTimedOut.__name__,
        "has boots that fail",
        "has instances that do not register with ECS.",
        "instances-do-not-register",
    ),
    Watched(
        reasons.AgentsLost.__name__,
        "has lost agents",
        "has instances whose ECS agent is away.",
        "agents-are-lost",
    ),
    Watched(
        reasons.HealingHeldBack.__name__,
        "is not healed",
        "replaces ill instances, and none comes up.",
        "healing-is-held-back",
    ),
    Watched(
        "DeregisteredAfter",
        "deregisters late",
        f"took more than {DEREGISTERED_WITHIN_S} s from a notice until targets were deregistered.",
        "service-out-is-late",
        feed=wiring.INTERRUPTION,
        statistic="Maximum",
        over=DEREGISTERED_WITHIN_S,
    ),
    Watched(
        "TasksKilled",
        "has tasks killed",
        "had tasks in service on an instance that EC2 ended.",
        "tasks-are-killed-by-interruptions",
        feed=wiring.INTERRUPTION,
    ),
)


class WatchStack(cdk.Stack):
    """Alarms and dashboards. A function's own alarms (dead letters, errors) are beside the function."""

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
        for cluster in settings.clusters:
            self._cluster_alarms(settings, cluster.name)
            cloudwatch.Dashboard(
                self,
                f"Dashboard-{cluster.name}",
                dashboard_name=f"steady-{cluster.name}",
                widgets=_of_cluster(cluster.name),
            )
        for bucket in limits.BUCKETS:
            alarm(
                self,
                f"Limit-{bucket.name}",
                settings,
                name=f"calls near the limit of {bucket.name}",
                metric=metrics.api_calls(bucket),
                means=f"The suite made more than {NEAR_A_LIMIT:.0%} of the ECS calls that {bucket.name} allows.",
                entry="near-an-api-limit",
                over=NEAR_A_LIMIT * bucket.per_minute,
            )
        self._suite(settings, functions, ledger)

    def _suite(self, settings: Settings, functions: Sequence[QueueFunction], ledger: dynamodb.ITable) -> None:
        """The suite's own dashboard: its functions, their queues, the ledger, and what they call."""
        factory = monitoring.DefaultDashboardFactory(
            self, "Dashboards", dashboard_name_prefix="steady", create_summary_dashboard=False
        )
        suite = monitoring.MonitoringFacade(self, "Suite", dashboard_factory=factory)
        targets = [
            metrics.of_cluster("Target", c.name, wiring.AUTOSCALER, "Maximum", c.name) for c in settings.clusters
        ]
        suite.add_widget(_graph("Target of each cluster, in units", targets))
        suite.add_widget(
            _graph(
                "ECS calls a minute, by bucket", [metrics.api_calls(bucket, bucket.name) for bucket in limits.BUCKETS]
            )
        )
        for function in functions:
            name = function.feed.function
            suite.monitor_lambda_function(lambda_function=function.function, human_readable_name=name)
            suite.monitor_sqs_queue_with_dlq(
                queue=function.queue, dead_letter_queue=function.dead_letters, human_readable_name=name
            )
        suite.monitor_dynamo_table(table=ledger, human_readable_name="ledger")

    def _cluster_alarms(self, settings: Settings, cluster: str) -> None:
        for watched in WATCHED:
            alarm(
                self,
                f"{watched.metric}-{cluster}",
                settings,
                name=f"{cluster} {watched.what}",
                metric=metrics.of_cluster(watched.metric, cluster, watched.feed, watched.statistic),
                means=f"Cluster {cluster} {watched.means}",
                entry=watched.entry,
                over=watched.over,
                minutes=watched.minutes,
                of_minutes=watched.minutes,
            )
        silence_alarm(
            self,
            f"Ticks-{cluster}",
            settings,
            name=f"{cluster} has no tick",
            metric=metrics.of_cluster("Ticks", cluster, wiring.AUTOSCALER),
            means=f"Cluster {cluster} was not looked at for {NO_TICK_MINUTES} minutes: it does not scale by itself.",
            entry="no-tick",
            minutes=NO_TICK_MINUTES,
        )


def _of_cluster(cluster: str) -> list[list[cloudwatch.IWidget]]:
    def gauge(name: str, label: str | None = None) -> cloudwatch.Metric:
        return metrics.of_cluster(name, cluster, wiring.AUTOSCALER, "Maximum", label)

    def counted(*names: str, feed: Feed = wiring.AUTOSCALER) -> list[cloudwatch.IMetric]:
        return [metrics.of_cluster(name, cluster, feed) for name in names]

    rules = (
        reasons.ServiceDrift,
        reasons.RunTaskFailures,
        observations.ReservationHigh,
        observations.RoomToStart,
        observations.DemandComesBack,
        reasons.ReservationLow,
        reasons.ReplacedAhead,
        reasons.FellBack,
    )
    return [
        [
            _graph("Capacity, in units", [gauge("Target"), gauge("Held"), gauge("OnDemand", "on-demand")]),
            _graph(
                "Reservation, %", [gauge("CpuReservation", "CPU"), gauge("MemoryReservation", "memory")], highest=100
            ),
        ],
        [
            _graph("Tasks that wait", [gauge("MissingTasks", "of services"), gauge("Demands", "RunTask failures")]),
            _graph("What the rules want", counted(*(rule.__name__ for rule in rules))),
        ],
        [
            _graph(
                "Service-out",
                counted("TargetsDeregistered", "TasksStopped", "TasksKilled", feed=wiring.INTERRUPTION),
            ),
            _graph(
                "From notice to deregistered, s",
                [metrics.of_cluster("DeregisteredAfter", cluster, wiring.INTERRUPTION, "Maximum", "slowest")],
                line=DEREGISTERED_WITHIN_S,
            ),
        ],
        [
            _graph(
                "What ails it",
                counted("BootTimedOut", "AgentsLost", "HealingHeldBack", "DriftIsNotCapacity", "BadThresholds"),
            ),
            _graph("Short of Spot, in units", [gauge("SpotShort", "short")]),
        ],
    ]


def _graph(
    title: str, shown: Sequence[cloudwatch.IMetric], highest: float | None = None, line: float | None = None
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(shown),
        width=12,
        left_y_axis=cloudwatch.YAxisProps(min=0, max=highest),
        left_annotations=[cloudwatch.HorizontalAnnotation(value=line, label="alarm")] if line is not None else [],
    )
