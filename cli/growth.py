"""How a tick grows with its cluster, from 10 instances to 5,000."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from simulator.bench.tick import tick

INSTANCES = (10, 50, 100, 500, 1000, 2500, 5000)
# Of each instance: a service has 25 tasks, and an instance 10.
SERVICES, TASKS = 0.4, 10
MADE_BY = "steady bench growth"


def measure(
    instances: Sequence[int] = INSTANCES, done: Callable[[], None] = lambda: None
) -> Sequence[Mapping[str, Any]]:
    """The figures of `simulator.bench.tick` for clusters of so many `instances`, each with its services and tasks."""
    found = []
    for number in instances:
        found.append(tick(number, round(number * SERVICES), number * TASKS, ticks=9 if number <= 500 else 3))
        done()
    return found


def table(figures: Sequence[Mapping[str, Any]]) -> str:
    """The table in Markdown, a row for each cluster."""
    lines = [
        "| instances | services | tasks | CPU (ms) | CPU an instance (µs) | calls | allocated (MiB) |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in figures:
        milliseconds = one["seconds"] * 1000
        lines.append(
            f"| {one['instances']:,} | {one['services']:,} | {one['tasks']:,} | {milliseconds:,.0f} "
            f"| {1000 * milliseconds / one['instances']:,.0f} | {one['api_calls_total']} | {one['peak_mib']} |"
        )
    return "\n".join([*lines, ""])
