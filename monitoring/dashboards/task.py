"""One batch task, by its id or its family. CloudWatch has no metrics of tasks that RunTask started."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders

from monitoring.dashboards.panels import (
    BYTES,
    BYTES_A_SECOND,
    CORES,
    RATIO,
    WHOLE,
    Query,
    cluster_choice,
    family_choice,
    graph,
    page,
)

FAMILY = 'cluster="$cluster",family=~"$family"'
# `$task` is an ARN, the id at its end, or `.*`. One series of each container has the task's whole ARN as a label.
CHOSEN = f'container_start_time_seconds{{{FAMILY},task_arn=~".*$task"}}'


def _of_chosen(series: str) -> str:
    return f"{series}{{{FAMILY}}} and on (task) {CHOSEN}"


def _traffic(direction: str) -> str:
    return f"sum by (task) (rate(container_network_{direction}_bytes_total{{{FAMILY}}}[2m])) and on (task) {CHOSEN}"


def dashboard() -> builders.Dashboard:
    about = "Each container of one batch task, or of all tasks of its family."
    task = builders.TextBoxVariable("task").label("Task: ARN or id").default_value(".*")
    made = page("steady-task", "Batch task", about, cluster_choice(), family_choice(everything=True), task)
    for panel in (
        graph(
            "CPU",
            CORES,
            "Of each container.",
            Query(_of_chosen("container:cpu_usage_cores:rate2m"), "{{task}} {{container}}"),
        ),
        graph(
            "Memory",
            BYTES,
            "The working set of each container.",
            Query(_of_chosen("container_memory_working_set_bytes"), "{{task}} {{container}}"),
        ),
        graph(
            "Memory of its limit",
            RATIO,
            "At 100 % the kernel kills the container.",
            Query(_of_chosen("container:memory_of_limit:ratio"), "{{task}} {{container}}"),
        ),
        graph(
            "Network",
            BYTES_A_SECOND,
            "Received and sent.",
            Query(_traffic("receive"), "{{task}} received"),
            Query(_traffic("transmit"), "{{task}} sent"),
        ),
        graph(
            "Run time",
            "s",
            "Time since each container started, with its instance, Spot or on-demand.",
            Query(
                f"time() - {CHOSEN}",
                "{{task}} {{container}} on {{instance}} ({{lifecycle}})",
            ),
            span=WHOLE,
        ),
    ):
        made.with_panel(panel)
    return made
