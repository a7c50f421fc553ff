"""One task definition family: its application container first, its sidecars folded away."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders

from monitoring.dashboards.panels import (
    BYTES,
    BYTES_A_SECOND,
    CORES,
    COUNT,
    RATIO,
    Query,
    cluster_choice,
    family_choice,
    graph,
    page,
)

OF = 'cluster="$cluster",family="$family"'
APPLICATION, SIDECAR = f'{{{OF},role="application"}}', f'{{{OF},role="sidecar"}}'


def dashboard() -> builders.Dashboard:
    about = "What one task definition family uses of what it reserves, and whether its tasks live."
    made = page("steady-family", "Family", about, cluster_choice(), family_choice())
    for panel in (
        graph(
            "CPU of the application",
            CORES,
            "Used and reserved by the application's containers, all tasks together.",
            Query(f"application:cpu_usage_cores:sum{{{OF}}}", "used"),
            Query(f"application:cpu_reserved_cores:sum{{{OF}}}", "reserved"),
        ),
        graph(
            "Memory of the application",
            BYTES,
            "The working set, which the kernel cannot take back, beside what is reserved.",
            Query(f"application:memory_working_set_bytes:sum{{{OF}}}", "used"),
            Query(f"application:memory_reserved_bytes:sum{{{OF}}}", "reserved"),
        ),
        graph(
            "Tasks and starts",
            COUNT,
            "Tasks that run, and containers that started within ten minutes: many of few tasks are a crash loop.",
            Query(f"family:tasks:count{{{OF}}}", "tasks"),
            Query(f"application:container_starts:sum10m{{{OF}}}", "starts in 10 min"),
        ),
        graph(
            "Nearest to a limit",
            RATIO,
            "The fullest container's part of its memory limit, and the part of CPU periods in which one was throttled.",
            Query(f"family:memory_of_limit:max{APPLICATION}", "{{container}}: memory of its limit"),
            Query(f"family:cpu_throttled:ratio2m{APPLICATION}", "{{container}}: CPU throttled"),
        ),
        graph(
            "Network",
            BYTES_A_SECOND,
            "Of all containers of the family.",
            Query(f"family:network_receive_bytes:rate2m{{{OF}}}", "received"),
            Query(f"family:network_transmit_bytes:rate2m{{{OF}}}", "sent"),
        ),
        graph(
            "Killed for want of memory",
            COUNT,
            "Within ten minutes. A container that dies of it at once may not be counted: see its stopped reason.",
            Query(f"family:oom_kills:increase10m{{{OF}}}", "{{container}}"),
        ),
        graph(
            "CPU by task",
            CORES,
            "Of the application's container of each task.",
            Query(f"container:cpu_usage_cores:rate2m{APPLICATION}", "{{task}} on {{instance}}"),
        ),
        graph(
            "Memory by task",
            BYTES,
            "Of the application's container of each task.",
            Query(f"container_memory_working_set_bytes{APPLICATION}", "{{task}} on {{instance}}"),
        ),
    ):
        made.with_panel(panel)
    return made.with_row(_sidecars())


def _sidecars() -> builders.Row:
    row = builders.Row("Sidecars").collapsed(True)
    for panel in (
        graph(
            "CPU of sidecars",
            CORES,
            "Containers that are not the application: which, says the rule in monitoring/prometheus.yml.",
            Query(f"family:cpu_usage_cores:sum{SIDECAR}", "{{container}}"),
        ),
        graph(
            "Memory of sidecars",
            BYTES,
            "The working set of containers that are not the application.",
            Query(f"family:memory_working_set_bytes:sum{SIDECAR}", "{{container}}"),
        ),
    ):
        row.with_panel(panel)
    return row
