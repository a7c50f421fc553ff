"""Families that reserve far more than they use, or less than they use."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders

from monitoring.dashboards.panels import BYTES, COUNT, RATIO, Query, cluster_choice, graph, listing, page

OF = '{cluster="$cluster"}'


def dashboard() -> builders.Dashboard:
    about = "What families reserve and do not use. `steady rightsize` shows which sizes would fit, and the saving."
    made = page("steady-reservations", "Over-reservation", about, cluster_choice())
    for panel in (
        graph(
            "CPU reserved and not used",
            "cores",
            "The ten families with the most.",
            Query(f"topk(10, reservation:cpu_unused_cores:sum{OF})", "{{family}}"),
        ),
        graph(
            "Memory reserved and not used",
            BYTES,
            "The ten families with the most.",
            Query(f"topk(10, reservation:memory_unused_bytes:sum{OF})", "{{family}}"),
        ),
        graph(
            "CPU used of what is reserved",
            RATIO,
            "The ten families with the lowest percentage, and those over 100 %, which use what others have reserved.",
            Query(f"bottomk(10, reservation:cpu_use:ratio{OF})", "{{family}}"),
            Query(f"reservation:cpu_use:ratio{OF} > 1", "{{family}} (over)"),
        ),
        graph(
            "Memory used of what is reserved",
            RATIO,
            "The ten families with the lowest percentage, and those over 100 %, which use what others have reserved.",
            Query(f"bottomk(10, reservation:memory_use:ratio{OF})", "{{family}}"),
            Query(f"reservation:memory_use:ratio{OF} > 1", "{{family}} (over)"),
        ),
        listing(
            "Unused CPU reservation by family, in instances",
            COUNT,
            "Cores reserved and not used, divided by the cores of an average instance of this cluster.",
            Query(
                f"sort_desc(sum by (family) (reservation:cpu_unused_cores:sum{OF})"
                f" / scalar(avg(machine_cpu_cores{OF})))",
                "{{family}}",
            ),
        ),
    ):
        made.with_panel(panel)
    return made
