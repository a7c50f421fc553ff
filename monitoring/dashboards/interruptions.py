"""Spot interruptions beside failed requests: whether users noticed."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders

from monitoring.dashboards.panels import (
    COUNT,
    SECONDS,
    WHOLE,
    Metric,
    cloudwatch_graph,
    cluster_choice,
    instances,
    page,
)
from steady.metrics import MetricName

HANDLER = {"cluster": "$cluster", "service": "interruption-handler"}
AUTOSCALER = {"cluster": "$cluster", "service": "autoscaler"}
# Every load balancer of the account: ELB's metrics do not say which cluster answers a request.
ELB, BALANCERS = "AWS/ApplicationELB", {"LoadBalancer": "*"}


def dashboard() -> builders.Dashboard:
    about = "Interrupted instances, the service-out of their targets and tasks, and the requests that fail meanwhile."
    made = page("steady-interruptions", "Spot interruptions", about, cluster_choice())
    for panel in (
        cloudwatch_graph(
            "Service-out",
            COUNT,
            "Targets deregistered and tasks stopped; a task killed was still in service when EC2 ended its instance.",
            Metric(MetricName.TARGETS_DEREGISTERED, "targets deregistered", HANDLER),
            Metric(MetricName.TASKS_STOPPED, "tasks stopped", HANDLER),
            Metric(MetricName.TASKS_KILLED, "tasks killed", HANDLER),
        ),
        cloudwatch_graph(
            "Failed requests",
            COUNT,
            "Of all load balancers of the account: requests that no target answered, and connections that failed.",
            Metric("HTTPCode_ELB_5XX_Count", "5xx of ${PROP('Dim.LoadBalancer')}", BALANCERS, ELB),
            Metric(
                "TargetConnectionErrorCount",
                "connection errors of ${PROP('Dim.LoadBalancer')}",
                BALANCERS,
                "AWS/ApplicationELB",
            ),
        ),
        cloudwatch_graph(
            "Time from a notice to deregistered targets",
            SECONDS,
            "The slowest of each minute. A notice leaves 120 s.",
            Metric(MetricName.DEREGISTERED_AFTER, "slowest", HANDLER, statistic="Maximum"),
        ),
        cloudwatch_graph(
            "Missing Spot capacity, in units",
            COUNT,
            "Target capacity that Spot has not supplied, and the on-demand capacity launched instead.",
            Metric(MetricName.SPOT_SHORT, "missing", AUTOSCALER, statistic="Maximum"),
            Metric(MetricName.ON_DEMAND, "on-demand", AUTOSCALER, statistic="Maximum"),
        ),
        instances("Container instances that Prometheus scrapes. A step down is an instance that ended.", span=WHOLE),
    ):
        made.with_panel(panel)
    return made
