"""Format the figures of `steady bench chaos` as the tables of `docs/reliability.md`."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.chaos.matrix import Row
from simulator.chaos.soak import Soaked

MADE_BY = "make chaos"


def figures(rows: Sequence[Row], drawn: Sequence[Row], soaked: Soaked | None) -> str:
    """Return the tables in Markdown: clusters as they are (`drawn`), the scenarios, and the soak if there was one."""
    parts = [
        "### Clusters as they are\n",
        _table(drawn, "promise", "what is drawn"),
        "### Every fault at every call\n",
        _table(rows, "scenario", "what goes wrong"),
    ]
    if soaked:
        parts += ["### Days in which every fault happens\n", _soak(soaked)]
    return "\n".join(parts)


def _table(rows: Sequence[Row], what: str, varied: str) -> str:
    lines = [f"| {what} | {varied} | runs | broken promises |", "| --- | --- | ---: | ---: |"]
    lines += [f"| {row.scenario} | {row.kind} | {row.runs:,} | {len(row.broken)} |" for row in rows]
    total, broken = sum(row.runs for row in rows), sum(len(row.broken) for row in rows)
    return "\n".join([*lines, f"| **all** | | **{total:,}** | **{broken}** |", ""])


def _soak(soaked: Soaked) -> str:
    rows = {
        "simulated days": f"{soaked.days:g}",
        "calls with a fault": f"{sum(soaked.faults.values()):,}",
        "lost events; events that were ten minutes late": (
            f"{soaked.events.get('lost', 0):,}; {soaked.events.get('late', 0):,}"
        ),
        "notices": f"{soaked.notices:,}",
        "tasks placed": f"{soaked.tasks:,}",
        "tasks killed in service; of these, on instances whose notice was lost or late": (
            f"{soaked.tasks_killed:,}; {soaked.tasks_killed_forced:,}"
        ),
        "failed requests; of these, on such instances": (
            f"{soaked.failed_requests:,}; {soaked.failed_requests_forced:,}"
        ),
        "tasks that still waited after 30 minutes": f"{soaked.wants_forgotten:,}",
        "seconds in which the target was out of its bounds": f"{soaked.seconds_out_of_bounds:,.0f}",
        "wait of a task: median, p95, longest": (
            f"{soaked.waits_s['p50']:,.0f} s, {soaked.waits_s['p95']:,.0f} s, {soaked.waits_s['max']:,.0f} s"
        ),
        "messages in dead-letter queues": f"{soaked.dead_letters:,}",
    }
    lines = ["| soak | |", "| --- | ---: |", *(f"| {name} | {value} |" for name, value in rows.items())]
    return "\n".join([*lines, ""])
