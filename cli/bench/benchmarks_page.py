"""Format the comparison of policies as the tables of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Sequence

from cli.bench import figures_page
from simulator.comparison import MAX_CAPACITY, OURS, Comparison, Row

MADE_BY = "steady bench policies"
_OF_ONE = "The figures are those of one seed."
_OF_SEVERAL = """The figures are medians of {seeds} seeds. Of `unplaced`, `killed` and `failed`, the worst seed
counts. The workloads with a mild Spot market and without interruptions ran with one seed."""
_HEAD = """{seeds} Each peer has its published settings, and
the suite has its defaults. No policy may have more than {most} instances. All policies use the suite's service-out:
only scaling is compared. [The simulator](simulator.md) says how the account and the policies are simulated.
[Scaling](scaling.md#what-cannot-be-had) says what no policy can reach.

- `USD`: on-demand hours at the list prices of us-east-1, and Spot hours at {spot:.0%} of them, which is an assumption.
- `cost`: USD x (1 + wait p95 / 60 s).
- `x bound`: instance-hours, of both kinds, divided by the lower bound. The lower bound is the integral of the larger of
  CPU and memory demand, in instances, if every task starts when it is submitted.
- `s a day`: seconds to simulate a day, while other simulations ran at the same time.

"""

_COLUMNS = (
    "workload",
    "policy",
    "wait p50 / p95 / p99 (s)",
    "on-demand / Spot hours",
    "USD",
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
The promises, and whether they are kept:

"""


def tables(comparisons: Sequence[Comparison], seeds: int, spot_share: float) -> str:
    """Return two tables in Markdown: all policies on all workloads, and the promises."""
    rows = [line for comparison in comparisons for line in _rows(comparison)]
    promises = [line for comparison in comparisons if comparison.workload.promised for line in _promises(comparison)]
    return (
        _HEAD.format(
            seeds=_OF_ONE if seeds == 1 else _OF_SEVERAL.format(seeds=seeds), most=MAX_CAPACITY, spot=spot_share
        )
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
        f"{row.on_demand_hours:,.1f} / {row.spot_hours:,.1f}",
        f"{row.usd:,.0f}",
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
