"""The figures of `docs/reliability.md`, as `steady bench chaos` has counted them."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.chaos.matrix import Row
from simulator.chaos.soak import Soaked

MADE_BY = "make chaos"


def figures(rows: Sequence[Row], soaked: Soaked | None) -> str:
    """The tables in Markdown."""
    parts = [_matrix(rows)]
    if soaked:
        parts.append(_soak(soaked))
    return "\n".join(parts)


def _matrix(rows: Sequence[Row]) -> str:
    lines = ["| scenario | what goes wrong | runs | broken promises |", "| --- | --- | ---: | ---: |"]
    lines += [f"| {row.scenario} | {row.kind} | {row.runs:,} | {len(row.broken)} |" for row in rows]
    total, broken = sum(row.runs for row in rows), sum(len(row.broken) for row in rows)
    return "\n".join([*lines, f"| **all** | | **{total:,}** | **{broken}** |", ""])


def _soak(soaked: Soaked) -> str:
    rows = {
        "simulated days": f"{soaked.days:g}",
        "faults of calls": f"{sum(soaked.faults.values()):,}",
        "events lost, and late by ten minutes": f"{soaked.events.get('lost', 0):,}, {soaked.events.get('late', 0):,}",
        "notices": f"{soaked.notices:,}",
        "tasks placed": f"{soaked.tasks:,}",
        "tasks killed in service, of them on instances whose notice never came": (
            f"{soaked.tasks_killed:,}, {soaked.tasks_killed_forced:,}"
        ),
        "failed requests, of them there": f"{soaked.failed_requests:,}, {soaked.failed_requests_forced:,}",
        "wants forgotten": f"{soaked.wants_forgotten:,}",
        "seconds out of bounds": f"{soaked.seconds_out_of_bounds:,.0f}",
        "a task's wait: median, p95, longest": (
            f"{soaked.waits_s['p50']:,.0f} s, {soaked.waits_s['p95']:,.0f} s, {soaked.waits_s['max']:,.0f} s"
        ),
        "messages in dead-letter queues": f"{soaked.dead_letters:,}",
    }
    lines = ["| soak | |", "| --- | ---: |", *(f"| {name} | {value} |" for name, value in rows.items())]
    return "\n".join([*lines, ""])
