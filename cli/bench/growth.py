"""Measure how a tick grows with its cluster, from 10 to 5,000 instances."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cli.bench import figures_page
from simulator.bench.tick import tick

INSTANCES = (10, 50, 100, 500, 1000, 2500, 5000)
# Services and tasks for each instance: 25 tasks in a service, 10 on an instance.
SERVICES, TASKS = 0.4, 10
MADE_BY = "steady bench growth"
_COLUMNS = ("instances", "services", "tasks", "CPU (ms)", "CPU an instance (µs)", "calls", "allocated (MiB)")


def measure(
    instances: Sequence[int] = INSTANCES, done: Callable[[], None] = lambda: None
) -> Sequence[Mapping[str, Any]]:
    """Measure a tick (`simulator.bench.tick`) of one cluster for each number in `instances`, and return the figures.

    `done` is called after each cluster.
    """
    found = []
    for number in instances:
        found.append(tick(number, round(number * SERVICES), number * TASKS, ticks=9 if number <= 500 else 3))
        done()
    return found


def table(figures: Sequence[Mapping[str, Any]]) -> str:
    """Return the figures as a Markdown table, with a row for each cluster."""
    return figures_page.table(_COLUMNS, ["---:"] * len(_COLUMNS), map(_row, figures))


def _row(one: Mapping[str, Any]) -> Sequence[str]:
    milliseconds = one["seconds"] * 1000
    return (
        f"{one['instances']:,}",
        f"{one['services']:,}",
        f"{one['tasks']:,}",
        f"{milliseconds:,.0f}",
        f"{1000 * milliseconds / one['instances']:,.0f}",
        str(one["api_calls_total"]),
        str(one["peak_mib"]),
    )
