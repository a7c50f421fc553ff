"""`steady bench clairvoyant`: what the suite pays, beside the least that the same waiting must cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from cli.bench import figures_page
from cli.bench.options import (
    CORES,
    AtOnceOption,
    PageOption,
    SeedOption,
    SpotPercentOption,
    TracesOption,
    WorkloadOption,
    check_page,
    chosen_workloads,
    end_if_broken,
    publish,
)
from cli.output import JsonOption, one_line_errors, progress_bars
from simulator.bench.clairvoyant import limit
from simulator.bench.clairvoyant.limit import Limit
from simulator.bench.clairvoyant.spending import KINDS
from simulator.bench.placement import NoSearch
from simulator.workload import traces
from steady.list_prices import SPOT_SHARE

MADE_BY = "steady bench clairvoyant"


def clairvoyant(
    traces_: TracesOption,
    hours: Annotated[float, typer.Option(min=0.1, help="At most this many hours of each workload.")] = 24 * 365,
    workload: WorkloadOption = [],  # noqa: B006 - typer copies it
    wait: Annotated[
        list[float], typer.Option(min=0, help="A 95th percentile of waiting, in seconds, to ask for; repeatable.")
    ] = list(limit.WAITS_S),  # noqa: B006
    search: Annotated[float, typer.Option(min=1, help="Seconds of each search.")] = 60,
    seed: SeedOption = 0,
    spot_percent: SpotPercentOption = 100 * SPOT_SHARE,
    at_once: AtOnceOption = CORES,
    page_: PageOption = None,
    json_: JsonOption = None,
) -> None:
    """Compare the suite with a clairvoyant, which knows all work and all interruptions before. Needs OR-tools.

    Exit code 1: the suite costs over 10 % more at the same waiting. 2: a trace cannot be read, or OR-tools is missing.
    """
    check_page(page_, MADE_BY)
    chosen = [replace(w, hours=min(w.hours, hours)) for w in chosen_workloads(workload, limit.WORKLOADS)]
    settings = limit.Settings(traces_, seed, spot_percent / 100, search, tuple(wait))
    with one_line_errors(traces.BadTrace, NoSearch), progress_bars() as progress:
        for each in chosen:
            each.plan(traces_)
        bar = progress.add_task("workloads", total=len(chosen))
        found = limit.measure_all(settings, chosen, at_once, lambda name: progress.advance(bar))
    publish([figures_of(one) for one in found], table(found), MADE_BY, page_, json_)
    end_if_broken(
        f"{one.workload}: {one.usd:,.2f} USD is {one.over:.2f} x the clairvoyant's {one.at_wait.usd:,.2f}, at most "
        f"{limit.MOST_OVER_CLAIRVOYANT:.2f} x is needed"
        for one in found
        if not one.kept
    )


def figures_of(one: Limit) -> dict[str, Any]:
    """Return the figures of one workload, as `--json` writes them."""
    return {
        "workload": one.workload,
        "hours": one.hours,
        "tasks": one.tasks,
        "wait_p95_s": one.wait_s,
        "wait_max_s": one.longest_s,
        "usd": round(one.usd, 2),
        "clairvoyant_usd": round(one.at_wait.usd, 2),
        "clairvoyant_usd_by_what_runs": round(one.by_what_runs.usd, 2),
        "over_clairvoyant": round(one.over, 3),
        "kept": one.kept,
        "search_seconds": round(one.at_wait.seconds, 1),
        # None: the search ended before it found a solution; the bound holds all the same.
        "best_found_usd": None if one.at_wait.found_usd is None else round(one.at_wait.found_usd, 2),
        "clairvoyant_usd_at_wait_s": {f"{wait_s:g}": round(each.usd, 2) for wait_s, each in one.at.items()},
        "spent_usd": {kind: round(usd, 2) for kind, usd in one.spent.items()},
    }


def table(found: Sequence[Limit]) -> str:
    """Return two tables in Markdown: the suite beside the clairvoyant, and where its dollars go."""
    waits = list(found[0].at) if found else []
    columns = (
        "workload",
        "wait p95 (s)",
        "USD",
        "clairvoyant",
        "x",
        "",
        "by what runs",
        *(f"at {w:g} s" for w in waits),
    )
    rows = [
        (
            f"{one.workload} ({one.hours:g} h)",
            f"{one.wait_s:.0f}",
            f"{one.usd:,.0f}",
            f"{one.at_wait.usd:,.0f}",
            f"{one.over:.2f}",
            "kept" if one.kept else "**not kept**",
            f"{one.by_what_runs.usd:,.0f}",
            *(f"{one.at[w].usd:,.0f}" for w in waits),
        )
        for one in found
    ]
    spent = [(one.workload, *(f"{one.spent[kind]:,.0f}" for kind in KINDS)) for one in found]
    return (
        figures_page.table(columns, ["---", *["---:"] * 4, "---", *["---:"] * (len(waits) + 1)], rows)
        + "\nWhere the suite's dollars go (USD):\n\n"
        + figures_page.table(("workload", *KINDS), ["---", *["---:"] * len(KINDS)], spent)
    )
