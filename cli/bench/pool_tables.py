"""The figures of `steady bench pools` as Markdown, for the terminal and for a page of the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cli.bench import figures_page
from simulator.bench.pool_days import FIVE, POOLS, Compared, Row
from simulator.wording import counted

MADE_BY = "steady bench pools"
COLUMNS = (
    "pools",
    "policy",
    "USD",
    "of the best single pool",
    "USD at list prices",
    "wait p95 (s)",
    "longest wait (s)",
    "tasks",
    "unplaced, killed",
)


def text(choice: Mapping[str, Any], compared: Sequence[Compared], hours: float, seeds: int = 1) -> str:
    """Return all tables. Without `choice`, or without days, theirs are left out."""
    parts = []
    if choice:
        values = ((name.replace("_", " "), f"{value:,}") for name, value in choice.items())
        parts.append(figures_page.table(("", counted(choice["cases"], "random case")), ("---", "---:"), values))
    if compared:
        five = "; ".join(f"{name}: {' or '.join(pool.types)}" for name, pool in POOLS.items())
        of = f"{counted(hours, 'simulated hour')}, means over {counted(seeds, 'seed')}"
        parts.append(f"{of}. The five pools: {five}.")
    return "\n\n".join(part.rstrip() for part in (*parts, *map(_day, compared))) + "\n"


def _day(one: Compared) -> str:
    differs = ", where tasks' shapes differ" if one.differs else ""
    rows = (_cells(row, one.best_single) for row in sorted(one.rows, key=lambda row: (row.pools != FIVE, row.usd)))
    table = figures_page.table(COLUMNS, ("---", "---", *["---:"] * (len(COLUMNS) - 2)), rows)
    promises = (f"- {what}: {'kept' if kept else '**not kept**'} ({found})" for what, kept, found in one.promises())
    return "\n".join((f"**{one.day}**{differs}:", "", table, *promises))


def _cells(row: Row, best: Row) -> tuple[str, ...]:
    return (
        row.pools,
        row.policy,
        f"{row.usd:,.2f}",
        f"{100 * row.usd / best.usd:.0f} %" if best.usd else "",
        f"{row.list_usd:,.2f}",
        f"{row.wait_p95_s:,.0f}",
        f"{row.wait_max_s:,.0f}",
        f"{row.tasks:,}",
        f"{row.unplaced:,}, {row.killed:,}",
    )
