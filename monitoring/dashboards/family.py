"""One task definition family: its application container first, its sidecars in a collapsed row."""

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
    about = "Use and reservation of one task definition family, and how often its tasks start."
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
            "The working set, which the kernel cannot reclaim, and the reservation.",
            Query(f"application:memory_working_set_bytes:sum{{{OF}}}", "used"),
            Query(f"application:memory_reserved_bytes:sum{{{OF}}}", "reserved"),
        ),
        graph(
            "Tasks and starts",
            COUNT,
            "Tasks that run, and containers started within ten minutes. Many starts of few tasks are a crash loop.",
            Query(f"family:tasks:count{{{OF}}}", "tasks"),
            Query(f"application:container_starts:sum10m{{{OF}}}", "starts in 10 min"),
        ),
        graph(
            "Nearest to a limit",
            RATIO,
            "The highest percentage of a memory limit in use, and the percentage of CPU periods that were throttled.",
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
            "Killed for lack of memory",
            COUNT,
            "Within ten minutes. A container that ends at once may not be counted: see the stopped reason of its task.",
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
            "Containers that are not the application, as the rule for `role` in monitoring/prometheus.yml tells them.",
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
