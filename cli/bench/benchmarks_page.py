"""The tables of docs/benchmarks.md that compare policies."""

from __future__ import annotations

from collections.abc import Sequence

from cli.bench import figures_page
from simulator.comparison import MAX_CAPACITY, OURS, Comparison, Row

MADE_BY = "steady bench policies"
_HEAD = """Medians of {seeds} seeds (of what must not happen, the worst seed), each peer at its
published settings and ours at its defaults, none with more than {most} instances; the rows of a mild Spot market and
of none are of one seed. Service-out is the suite's in all of them: only scaling is compared. How the account and the
policies are simulated: [simulator.md](simulator.md). What cannot be had, whatever the policy:
[scaling.md](scaling.md#what-cannot-be-had).

`cost` is instance-hours x (1 + wait p95 / 60 s). `x bound` is instance-hours over the lower bound: the integral of the
larger of CPU and memory demand, in instances, every task started at its submission. `s a day` is how long a simulated
day took, in seconds, with others at its side.

"""

_COLUMNS = (
    "workload",
    "policy",
    "wait p50 / p95 / p99 (s)",
    "instance-hours",
    "x bound",
    "cost",
    "unplaced",
    "killed",
    "failed",
    "interruptions",
    "API calls",
    "s a day",
)

_PROMISES = """
What is promised, and what is so:

"""


def tables(comparisons: Sequence[Comparison], seeds: int) -> str:
    """In Markdown: one table of all policies on all workloads, and one of the promises."""
    rows = [line for comparison in comparisons for line in _rows(comparison)]
    promises = [line for comparison in comparisons if comparison.workload.promised for line in _promises(comparison)]
    return (
        _HEAD.format(seeds=seeds, most=MAX_CAPACITY)
        + figures_page.table(_COLUMNS, ["---"] * 2 + ["---:"] * (len(_COLUMNS) - 2), rows)
        + _PROMISES
        + figures_page.table(("workload", "promise", "", "figures"), ["---"] * 4, promises)
    )


def _rows(comparison: Comparison) -> list[Sequence[str]]:
    workload = comparison.workload
    cheapest_first = sorted(comparison.rows, key=lambda row: row.cost)
    title = f"{workload.name} ({workload.hours:g} h, {workload.instance_type})"
    return [_row(title if row is cheapest_first[0] else "", row) for row in cheapest_first]


def _row(title: str, row: Row) -> Sequence[str]:
    return (
        title,
        f"**{row.policy}**" if row.policy == OURS else row.policy,
        f"{row.wait_p50_s:.0f} / {row.wait_p95_s:.0f} / {row.wait_p99_s:.0f}",
        f"{row.instance_hours:,.1f}",
        f"{row.over_lower_bound:.2f}",
        f"{row.cost:,.0f}",
        f"{row.unplaced:,}",
        f"{row.killed:,}",
        f"{row.failed_requests:,}",
        f"{row.interruptions:,}",
        f"{row.api_calls:,}",
        f"{row.wall_s_a_day:.1f}",
    )


def _promises(comparison: Comparison) -> list[Sequence[str]]:
    return [
        ("" if number else comparison.workload.name, promise, "kept" if kept else "**not kept**", found)
        for number, (promise, kept, found) in enumerate(comparison.promises())
    ]
