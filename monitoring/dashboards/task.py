"""One batch task, by its id or its family: RunTask's tasks have no metric in CloudWatch."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders

from monitoring.dashboards.panels import (
    BYTES,
    BYTES_A_SECOND,
    CORES,
    RATIO,
    WHOLE,
    Query,
    choice,
    cluster_choice,
    family_choice,
    graph,
    page,
)

# The id is the end of the task's ARN: a whole ARN may be pasted into the address, after `var-task=`.
OF = 'cluster="$cluster",family="$family",task=~"$task"'


def dashboard() -> builders.Dashboard:
    about = "Each container of one batch task, or of all tasks of its family."
    tasks = choice("task", "Task", 'container_start_time_seconds{cluster="$cluster",family="$family"}', everything=True)
    made = page("steady-task", "Batch task", about, cluster_choice(), family_choice(), tasks)
    for panel in (
        graph(
            "CPU",
            CORES,
            "Of each container.",
            Query(f"container:cpu_usage_cores:rate2m{{{OF}}}", "{{task}} {{container}}"),
        ),
        graph(
            "Memory",
            BYTES,
            "The working set of each container.",
            Query(f"container_memory_working_set_bytes{{{OF}}}", "{{task}} {{container}}"),
        ),
        graph(
            "Memory of its limit",
            RATIO,
            "At 100 % the kernel kills the container.",
            Query(f"container:memory_of_limit:ratio{{{OF}}}", "{{task}} {{container}}"),
        ),
        graph(
            "Network",
            BYTES_A_SECOND,
            "Received and sent.",
            Query(
                f"sum by (task) (rate(container_network_receive_bytes_total{{{OF}}}[2m]))",
                "{{task}} received",
            ),
            Query(f"sum by (task) (rate(container_network_transmit_bytes_total{{{OF}}}[2m]))", "{{task}} sent"),
        ),
        graph(
            "How long it has run",
            "s",
            "Since each container started; on which instance, of which kind.",
            Query(
                f"time() - container_start_time_seconds{{{OF}}}",
                "{{task}} {{container}} on {{instance}} ({{lifecycle}})",
            ),
            span=WHOLE,
        ),
    ):
        made.with_panel(panel)
    return made
