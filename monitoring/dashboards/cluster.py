"""One cluster: its instances, what is reserved and used of them, who uses most, and what the suite decides."""

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

OF = '{cluster="$cluster"}'
AUTOSCALER = {"cluster": "$cluster", "service": "autoscaler"}


def dashboard() -> builders.Dashboard:
    made = page(
        "steady-cluster", "Cluster", "What a cluster has, reserves and uses, and why it scales.", cluster_choice()
    )
    for panel in (
        instances("Container instances that are scraped, Spot and on-demand."),
        cloudwatch_graph(
            "Capacity, in units",
            COUNT,
            "What the suite asks for, what is there, and what of it is on-demand.",
            Metric("Target", "target", AUTOSCALER, statistic="Maximum"),
            Metric("Held", "there", AUTOSCALER, statistic="Maximum"),
            Metric("OnDemand", "on-demand", AUTOSCALER, statistic="Maximum"),
        ),
        graph(
            "CPU",
            RATIO,
            "Of all vCPUs of the cluster: what is reserved is what scaling goes by.",
            Query(f"cluster:cpu_reserved:ratio{OF}", "reserved"),
            Query(f"cluster:cpu_usage:ratio{OF}", "used"),
        ),
        graph(
            "Memory",
            RATIO,
            "Of all memory of the cluster: what is reserved is what scaling goes by.",
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
            "Tasks that wait",
            COUNT,
            "Tasks that services lack, and RunTask failures that are still said.",
            Metric("MissingTasks", "of services", AUTOSCALER, statistic="Maximum"),
            Metric("Demands", "RunTask failures", AUTOSCALER, statistic="Maximum"),
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
