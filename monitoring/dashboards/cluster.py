"""One cluster: its instances, their reservation and use, the largest families, and the suite's decisions."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders

from monitoring.dashboards.panels import (
    BYTES,
    CORES,
    COUNT,
    RATIO,
    Metric,
    Query,
    cloudwatch_graph,
    cluster_choice,
    graph,
    instances,
    page,
)
from steady.metrics import MetricName
from steady.scaling.by_pool import BY_POOL

OF = '{cluster="$cluster"}'
AUTOSCALER = {"cluster": "$cluster", "service": "autoscaler"}
EACH_POOL = {**AUTOSCALER, "pool": "*"}
# Grafana, "CloudWatch query editor", "Use dynamic labels": the value of a dimension.
POOL = "${PROP('Dim.pool')}"
TROUBLE = (MetricName.POOL_UNREADABLE, *(reason.__name__ for reason in BY_POOL))


def dashboard() -> builders.Dashboard:
    made = page(
        "steady-cluster",
        "Cluster",
        "Instances, reservation and use of a cluster, and the tasks that make it scale.",
        cluster_choice(),
    )
    for panel in (
        instances("Container instances that are scraped, Spot and on-demand."),
        cloudwatch_graph(
            "Capacity, in units",
            COUNT,
            "The target that the suite has set, the capacity that exists, and the on-demand part of that.",
            Metric(MetricName.TARGET, "target", AUTOSCALER, statistic="Maximum"),
            Metric(MetricName.HELD, "held", AUTOSCALER, statistic="Maximum"),
            Metric(MetricName.ON_DEMAND, "on-demand", AUTOSCALER, statistic="Maximum"),
        ),
        cloudwatch_graph(
            "Capacity of each pool, in units",
            COUNT,
            "What each pool of a cluster with several holds. Empty for a cluster with one pool.",
            Metric(MetricName.HELD, POOL, EACH_POOL, statistic="Maximum"),
        ),
        cloudwatch_graph(
            "Target of each pool, % of its maximum",
            COUNT,
            "At 100 the pool grows no more, and tasks go to other pools. Empty for a cluster with one pool.",
            Metric(MetricName.OF_MAXIMUM, POOL, EACH_POOL, statistic="Maximum"),
        ),
        cloudwatch_graph(
            "What is wrong with pools, a minute",
            COUNT,
            "Pools that are passed over because they do not deliver, and the problems of each.",
            *(Metric(name, f"{name} {POOL}", EACH_POOL) for name in TROUBLE),
        ),
        graph(
            "CPU",
            RATIO,
            "Percentage of the vCPUs of the cluster. Scaling follows the reservation, not the use.",
            Query(f"cluster:cpu_reserved:ratio{OF}", "reserved"),
            Query(f"cluster:cpu_usage:ratio{OF}", "used"),
        ),
        graph(
            "Memory",
            RATIO,
            "Percentage of the memory of the cluster. Scaling follows the reservation, not the use.",
            Query(f"cluster:memory_reserved:ratio{OF}", "reserved"),
            Query(f"cluster:memory_usage:ratio{OF}", "used"),
        ),
        graph(
            "CPU of the largest families",
            CORES,
            "The ten applications that use most.",
            Query(f"topk(10, application:cpu_usage_cores:sum{OF})", "{{family}}"),
        ),
        graph(
            "Memory of the largest families",
            BYTES,
            "The ten applications that use most.",
            Query(f"topk(10, application:memory_working_set_bytes:sum{OF})", "{{family}}"),
        ),
        cloudwatch_graph(
            "Tasks that wait for capacity",
            COUNT,
            "Tasks that services lack, and RunTask failures that the launcher still repeats.",
            Metric(MetricName.MISSING_TASKS, "of services", AUTOSCALER, statistic="Maximum"),
            Metric(MetricName.DEMANDS, "RunTask failures", AUTOSCALER, statistic="Maximum"),
        ),
        graph(
            "Starts of containers",
            COUNT,
            "The ten families whose applications started most often within ten minutes.",
            Query(f"topk(10, application:container_starts:sum10m{OF})", "{{family}}"),
        ),
    ):
        made.with_panel(panel)
    return made
