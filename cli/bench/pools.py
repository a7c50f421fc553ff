"""`steady bench pools`: which pools grow, against the cheapest choice; and days on five pools, against the best one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.bench import pool_tables
from cli.bench.options import (
    CORES,
    AtOnceOption,
    PageOption,
    SearchOption,
    SeedOption,
    WorkloadOption,
    check_page,
    chosen_workloads,
    end_if_broken,
    publish,
)
from cli.output import JsonOption, one_line_errors, progress_bars
from simulator.bench import placement, pool_days
from simulator.bench import pools as choice
from simulator.workload import traces

# The promises: how much dearer than the best choice in any case, and how many seconds for 10,000 tasks.
MOST_OVER_BEST = 1.03
MOST_SECONDS = 0.5


def pools(
    cases: Annotated[int, typer.Option(min=0, help="Random cases of the choice. 0: leave the choice out.")] = 200,
    search: SearchOption = 5,
    hours: Annotated[float, typer.Option(min=0, help="Simulated hours of each day. 0: leave the days out.")] = 12,
    traces_: Annotated[
        Path | None, typer.Option("--traces", help="The folder of the trace files. Without it, the work is synthetic.")
    ] = None,
    workload: WorkloadOption = [],  # noqa: B006 - typer copies it
    seed: SeedOption = 0,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds each day runs with, from --seed on.")] = 1,
    at_once: AtOnceOption = CORES,
    page_: PageOption = None,
    json_: JsonOption = None,
) -> None:
    """Choose which of five pools grow, beside an integer program; and simulate days on five pools, and on single ones.

    The choice: random tasks, with 20 instance types in 3 zones. The program begins with the suite's choice and searches
    for a cheaper one. Needs OR-tools.

    The days: four workloads, and one of tasks with GPUs, large and small ones, and ones for arm64. Each runs on one
    cluster with five pools, with the suite and with its peers; and on each single pool that holds all of it. Figures
    are means over --seeds: boots and launches are drawn anew for each.

    Exit code 1: a choice is more than 3 % dearer than the best one found, 10,000 tasks take more than 0.5 s; or the
    five pools cost more than the best single one, more than 80 % of it where no pool of the five holds all tasks, or
    tasks wait for longer. 2: a trace cannot be read, or OR-tools is not installed.
    """
    check_page(page_, pool_tables.MADE_BY)
    with one_line_errors(placement.NoSearch, traces.BadTrace), progress_bars() as progress:
        every = {one: pool_days.days(hours, one, traces_) for one in (range(seed, seed + seeds) if hours else ())}
        measured = {one: chosen_workloads(workload, days) if days else [] for one, days in every.items()}
        figures: dict[str, Any] = {}
        if cases:
            bar = progress.add_task("cases", total=cases)
            figures = choice.choice(cases, search, lambda: progress.advance(bar))
        compared = []
        if measured:
            runs = progress.add_task("days", total=len(pool_days.runs_of(measured)))
            compared = list(pool_days.compare(measured, hours, at_once, lambda run: progress.advance(runs)))
    publish(
        {**figures, "days": [figures_of(one) for one in compared]},
        pool_tables.text(figures, compared, hours, seeds),
        pool_tables.MADE_BY,
        page_,
        json_,
    )
    end_if_broken([*_broken_choice(figures), *_broken_days(compared)])


def figures_of(compared: pool_days.Compared) -> dict[str, Any]:
    """Return the figures of one day, as `--json` writes them."""
    return {
        "workload": compared.day,
        "shapes_differ": compared.differs,
        "best_single": compared.best_single.pools,
        "runs": [asdict(row) for row in compared.rows],
        "promises": [
            {"promise": promise, "kept": kept, "figures": found} for promise, kept, found in compared.promises()
        ],
    }


def _broken_choice(figures: dict[str, Any]) -> list[str]:
    if not figures:
        return []
    over, seconds = figures["worst_over_best"], figures["seconds"]
    broken = (
        [f"in the worst case, the choice is {100 * (over - 1):.1f} % over the best one, at most 3 %"]
        if over > MOST_OVER_BEST
        else []
    )
    return broken + ([f"10,000 tasks take {seconds:.2f} s, at most {MOST_SECONDS} s"] if seconds > MOST_SECONDS else [])


def _broken_days(compared: list[pool_days.Compared]) -> list[str]:
    return [f"{one.day}: {promise}: {found}" for one in compared for promise, kept, found in one.promises() if not kept]
