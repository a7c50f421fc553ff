"""Format the reclaims of whole Spot Fleets, with each timing, as the table of docs/interruption-benchmark.md."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from cli.bench.figures_page import table as markdown

MADE_BY = "steady bench interruption --matrix"


def table(figures: Sequence[Mapping[str, Any]]) -> str:
    """Return a table in Markdown: a row for each fleet and number of pollers, a column for each latency and exit time.

    Each cell has the killed tasks and the failed requests of the worst of its deregistration delays. The limit is that
    with the fastest calls, and that with the slowest ones.
    """
    columns = sorted({(one["latency_s"], one["exit_s"]) for one in figures})
    names = ("instances", "target_groups", "pollers")
    rows = sorted({tuple(one[name] for name in names) for one in figures})
    of_cell: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for one in figures:
        of_cell.setdefault((*(one[name] for name in names), one["latency_s"], one["exit_s"]), []).append(one)
    tasks = {one["instances"]: one["tasks"] for one in figures}
    limits: dict[int, set[int]] = {}
    for one in figures:
        limits.setdefault(one["instances"], set()).add(one["physical_limit_tasks"])
    return markdown(
        (
            "instances",
            "tasks",
            "limit",
            "target groups",
            "pollers",
            *(f"{call_s:g} s, {exit_s:g} s" for call_s, exit_s in columns),
        ),
        ["---:"] * (5 + len(columns)),
        (
            (
                f"{instances:,}",
                f"{tasks[instances]:,}",
                _between(limits[instances]),
                f"{groups}",
                f"{pollers}",
                *(_worst(of_cell[instances, groups, pollers, *column]) for column in columns),
            )
            for instances, groups, pollers in rows
        ),
    )


def shown(one: Mapping[str, Any]) -> str:
    """Return the name of a combination."""
    return (
        f"{one['instances']} instances, {one['target_groups']} target groups, delay {one['delay_s']:g} s, "
        f"{one['pollers']} pollers, calls {one['latency_s']:g} s, exits {one['exit_s']:g} s"
    )


def _between(limits: Collection[int]) -> str:
    most, fewest = max(limits), min(limits)
    return f"{most:,}" if most == fewest else f"{most:,} to {fewest:,}"


def _worst(figures: Iterable[Mapping[str, Any]]) -> str:
    found = list(figures)
    killed = max(one["tasks_killed_in_service"] for one in found)
    failed = max(one["failed_requests"] for one in found)
    text = f"{killed:,} / {failed:,}" if failed else f"{killed:,}"
    return f"**{text}**" if any(one["broken"] for one in found) else text
