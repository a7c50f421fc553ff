"""The dashboards: one for each cluster, `steady-CLUSTER`, and one for the suite, `steady`."""

from __future__ import annotations

from collections.abc import Sequence

import cdk_monitoring_constructs as monitoring
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from infra import metrics, wiring
from infra.queue_function import QueueFunction
from infra.settings.target import Settings
from infra.wiring import Feed
from steady.api_budget import limits
from steady.metrics import MetricName
from steady.scaling import (
    late_batch,
    lateness,
    observations,
    reasons,
    renewal_reasons,
    stuck_drains,
    try_reasons,
    type_order,
)
from steady.scaling.by_pool import BY_POOL
from steady.scaling.delivery import PassedOver
from steady.scaling.place_reasons import PlacesKept

# A notice leaves 120 s: a first step that deregisters targets later than this is late.
DEREGISTERED_WITHIN_S = 15
REASONS_TO_ADD = (
    reasons.ServiceDrift,
    reasons.RunTaskFailures,
    observations.ReservationHigh,
    observations.RoomToStart,
    observations.DemandComesBack,
    reasons.WantsDoNotFit,
    reasons.UnderMinimum,
    reasons.TakenBack,
    reasons.ReplacedAhead,
    reasons.FellBack,
    reasons.BackInService,
)
REASONS_TO_REMOVE = (
    reasons.ReservationLow,
    reasons.Emptied,
    reasons.SpotIsBack,
    reasons.ScaleInShed,
    stuck_drains.TasksCannotMove,
    reasons.Retired,
)
# Of clusters that may launch their types in another order: a dashboard of more than 50 metrics is not free of charge.
ORDER_REASONS = (type_order.TypePutFirst, type_order.OrderRestored)
# Of clusters with several pools, for the same reason.
POOL_PROBLEMS = (MetricName.POOL_UNREADABLE, *(reason.__name__ for reason in BY_POOL if reason is not PassedOver))
# Of clusters whose instances the deployment renews, for the same reason.
RENEWAL_REASONS = (
    renewal_reasons.RenewalBegun,
    renewal_reasons.RenewalEmpties,
    renewal_reasons.RenewalReturns,
    renewal_reasons.RenewalWaits,
    renewal_reasons.RenewalUnread,
    renewal_reasons.RenewalStopped,
    late_batch.BatchTasksAreLate,
)
PROBLEMS = (
    reasons.AtMaximum.__name__,
    reasons.FitsNoInstance.__name__,
    reasons.DriftIsNotCapacity.__name__,
    lateness.PoolDoesNotLaunch.__name__,
    try_reasons.DemandGivenUp.__name__,
    try_reasons.NextTypeIsTooSmall.__name__,
    try_reasons.StillRefused.__name__,
    reasons.BootTimedOut.__name__,
    reasons.AgentsLost.__name__,
    reasons.HealingHeldBack.__name__,
    reasons.TerminationsRefused.__name__,
    stuck_drains.DrainDoesNotEnd.__name__,
    MetricName.BAD_THRESHOLDS,
    MetricName.PARAMETERS_UNREADABLE,
    MetricName.LEDGER_UNREACHABLE,
    MetricName.LEDGER_DROPPED,
    MetricName.CALLS_SHED,
)


def renews(settings: Settings, cluster: str) -> bool:
    """Return whether the deployment sets the threshold `renew` of a cluster to `drift`."""
    rows = {row.name: row.thresholds for row in settings.clusters}
    return {**settings.thresholds, **rows[cluster]}.get("renew") == "drift"


def add_cluster_dashboard(scope: Construct, settings: Settings, cluster: str) -> None:
    """Add the dashboard of one cluster: with what its rows of `cdk.json` make it do."""
    renewal = _renewal(cluster) if renews(settings, cluster) else []
    cloudwatch.Dashboard(
        scope,
        f"Dashboard-{cluster}",
        dashboard_name=f"steady-{cluster}",
        widgets=[
            *_capacity(cluster),
            *(_pools(cluster) if cluster in settings.several_pools else []),
            *_events(cluster, orders_types=cluster in settings.fitting),
            *renewal,
        ],
    )


def add_suite_dashboard(
    scope: Construct, settings: Settings, functions: Sequence[QueueFunction], ledger: dynamodb.ITable
) -> None:
    """Add the suite's own dashboard: its calls, its messages, its functions with their queues, and the ledger."""
    factory = monitoring.DefaultDashboardFactory(
        scope, "Dashboards", dashboard_name_prefix="steady", create_summary_dashboard=False
    )
    suite = monitoring.MonitoringFacade(scope, "Suite", dashboard_factory=factory)
    targets = [
        metrics.of_cluster(MetricName.TARGET, c.name, wiring.AUTOSCALER, "Maximum", c.name) for c in settings.clusters
    ]
    calls = [metrics.api_calls(bucket, bucket.name) for bucket in limits.BUCKETS]
    suite.add_widget(_graph("Target capacity of each cluster, in units", targets))
    suite.add_widget(_graph("ECS calls a minute, by bucket", calls))
    suite.add_widget(_graph("Messages that changed nothing, a minute", _unhandled(settings)))
    if settings.task_launcher:
        ended = {MetricName.LAUNCHES_STARTED: "started", MetricName.LAUNCHES_GIVEN_UP: "given up"}
        launches = [metrics.of_function(name, wiring.TASK_LAUNCHER.function, text) for name, text in ended.items()]
        suite.add_widget(_graph("Requests of the launch queue, a minute", launches))
    if written := _written(settings):
        suite.add_widget(_graph("Task statuses written and log tables made, a minute", written))
    for function in functions:
        name = function.feed.function
        suite.monitor_lambda_function(lambda_function=function.function, human_readable_name=name)
        suite.monitor_sqs_queue_with_dlq(
            queue=function.queue, dead_letter_queue=function.dead_letters, human_readable_name=name
        )
    suite.monitor_dynamo_table(table=ledger, human_readable_name="ledger")


def _unhandled(settings: Settings) -> list[cloudwatch.IMetric]:
    """List the counts of messages that were set aside as malformed, or that concern none of the clusters."""
    fed = [wiring.INTERRUPTION, wiring.AUTOSCALER, wiring.RUNTASK_FAILURE]
    fed += [wiring.TASK_STATUS] if settings.task_status else []
    fed += [wiring.TASK_LAUNCHER] if settings.task_launcher else []
    notices = {
        MetricName.IGNORED_MESSAGES: "notices of an unsupported type",
        MetricName.FOREIGN_NOTICES: "notices of other instances",
    }
    return [
        *(metrics.of_function(MetricName.MESSAGES_SET_ASIDE, f.function, f"dead letters of {f.function}") for f in fed),
        *(metrics.of_function(name, wiring.INTERRUPTION.function, label) for name, label in notices.items()),
    ]


def _written(settings: Settings) -> list[cloudwatch.IMetric]:
    """List the counts of what the optional functions have written."""
    shown: list[cloudwatch.IMetric] = []
    if settings.task_status:
        shown.append(
            metrics.of_function(MetricName.TASK_STATUSES_WRITTEN, wiring.TASK_STATUS.function, "task statuses")
        )
    if settings.logs:
        shown.append(metrics.of_function(MetricName.LOG_TABLES_MADE, wiring.LOG_CATALOG.function, "log tables"))
    return shown


def _capacity(cluster: str) -> list[list[cloudwatch.IWidget]]:
    """Make the rows that show what the cluster has and lacks."""

    def gauge(name: str, label: str | None = None) -> cloudwatch.Metric:
        return metrics.of_cluster(name, cluster, wiring.AUTOSCALER, "Maximum", label)

    failures = metrics.of_cluster(
        MetricName.RUN_TASK_FAILURES_SAID, cluster, wiring.RUNTASK_FAILURE, label="RunTask failures received, a minute"
    )
    waiting = [
        gauge(MetricName.MISSING_TASKS, "of services"),
        gauge(MetricName.DEMANDS, "of RunTask failures"),
        failures,
    ]
    reserved = [gauge(MetricName.CPU_RESERVATION, "CPU"), gauge(MetricName.MEMORY_RESERVATION, "memory")]
    return [
        [
            _graph(
                "Capacity, in units",
                [gauge(MetricName.TARGET), gauge(MetricName.HELD), gauge(MetricName.ON_DEMAND, "on-demand")],
            ),
            _graph("Reservation, %", reserved, highest=100),
        ],
        [
            _graph("Tasks that wait for capacity", waiting),
            _graph("Instances", [gauge(MetricName.INSTANCES, "instances")]),
        ],
        [_graph("Missing Spot capacity, in units", [gauge(MetricName.SPOT_SHORT, "missing")])],
    ]


def _pools(cluster: str) -> list[list[cloudwatch.IWidget]]:
    """Make the rows that show each pool: what it holds, how near its maximum it is, and what is wrong with it."""

    def each(*names: str, statistic: str = "Sum") -> list[cloudwatch.IMetric]:
        return [metrics.of_pools(names, cluster, wiring.AUTOSCALER, statistic)]

    return [
        [
            _graph("Capacity of each pool, in units", each(MetricName.HELD, statistic="Maximum")),
            _graph("Target of each pool, % of its maximum", each(MetricName.OF_MAXIMUM, statistic="Maximum"), line=100),
        ],
        [
            _graph("Pools that are passed over, a minute", each(PassedOver.__name__)),
            _graph("Problems of each pool, a minute", each(*POOL_PROBLEMS)),
        ],
        [_graph("Places kept free, a minute", [metrics.of_cluster(PlacesKept.__name__, cluster, wiring.AUTOSCALER)])],
    ]


def _renewal(cluster: str) -> list[list[cloudwatch.IWidget]]:
    """Make the row that shows which instances are out of date, and what renewal does about them."""
    drifted = metrics.of_cluster(MetricName.DRIFTED, cluster, wiring.AUTOSCALER, "Maximum", "to renew")
    steps = [metrics.of_cluster(reason.__name__, cluster, wiring.AUTOSCALER) for reason in RENEWAL_REASONS]
    return [[_graph("Instances to renew", [drifted]), _graph("Renewal, a minute", steps)]]


def _events(cluster: str, *, orders_types: bool) -> list[list[cloudwatch.IWidget]]:
    """Make the rows that show what was decided and done, and what went wrong."""

    def counted(*names: str, feed: Feed = wiring.AUTOSCALER) -> list[cloudwatch.IMetric]:
        return [metrics.of_cluster(name, cluster, feed) for name in names]

    steps = (
        MetricName.TARGETS_DEREGISTERED,
        MetricName.TASKS_STOPPED,
        MetricName.TASKS_KILLED,
        MetricName.DRAIN_STEP_FAILURES,
        MetricName.RECOMMENDATIONS_IGNORED,
    )
    put_first, restored = ([one.__name__] if orders_types else [] for one in ORDER_REASONS)
    slowest = metrics.of_cluster(MetricName.DEREGISTERED_AFTER, cluster, wiring.INTERRUPTION, "Maximum", "slowest")
    return [
        [
            _graph("Reasons to add capacity, a minute", counted(*(r.__name__ for r in REASONS_TO_ADD), *put_first)),
            _graph(
                "Reasons to remove capacity, a minute", counted(*(r.__name__ for r in REASONS_TO_REMOVE), *restored)
            ),
        ],
        [
            _graph("Service-out, a minute", counted(*steps, feed=wiring.INTERRUPTION)),
            _graph("Time from a notice to deregistered targets, s", [slowest], line=DEREGISTERED_WITHIN_S),
        ],
        [_graph("Problems, a minute", counted(*PROBLEMS))],
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
