"""Spot interruptions against failed requests: whether anybody noticed."""

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

HANDLER = {"cluster": "$cluster", "service": "interruption-handler"}
AUTOSCALER = {"cluster": "$cluster", "service": "autoscaler"}
# Every load balancer of the account: requests do not say which cluster answers them.
ELB, BALANCERS = "AWS/ApplicationELB", {"LoadBalancer": "*"}


def dashboard() -> builders.Dashboard:
    about = "Instances that go, what becomes of their targets and tasks, and the requests that fail meanwhile."
    made = page("steady-interruptions", "Spot interruptions", about, cluster_choice())
    for panel in (
        cloudwatch_graph(
            "Service-out",
            COUNT,
            "Targets deregistered and tasks stopped; a task killed was still in service when EC2 ended its instance.",
            Metric("TargetsDeregistered", "targets deregistered", HANDLER),
            Metric("TasksStopped", "tasks stopped", HANDLER),
            Metric("TasksKilled", "tasks killed", HANDLER),
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
            "From notice to deregistered",
            SECONDS,
            "The slowest of each minute. A notice leaves 120 s.",
            Metric("DeregisteredAfter", "slowest", HANDLER, statistic="Maximum"),
        ),
        cloudwatch_graph(
            "Short of Spot, in units",
            COUNT,
            "What the fleet asks for and Spot does not give, and what on-demand gives instead.",
            Metric("SpotShort", "short", AUTOSCALER, statistic="Maximum"),
            Metric("OnDemand", "on-demand", AUTOSCALER, statistic="Maximum"),
        ),
        instances("Container instances that are scraped: steps down are instances that went.", span=WHOLE),
    ):
        made.with_panel(panel)
    return made
