"""`steady bench policies`: every policy on workloads of real traces, with several seeds."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from cli.bench import benchmarks_page
from cli.bench.options import (
    CORES,
    AtOnceOption,
    PageOption,
    PoolOption,
    SpotPercentOption,
    TracesOption,
    WorkloadOption,
    check_page,
    chosen_workloads,
    end_if_broken,
    publish,
)
from cli.output import JsonOption, fail, one_line_errors, progress_bars
from simulator import comparison
from simulator.policies import POLICIES
from simulator.workload import traces
from steady.list_prices import SPOT_SHARE
from steady.pools import PoolKind


def policies(
    traces_: TracesOption,
    seeds: Annotated[int, typer.Option(min=1, max=99, help="How many seeds to run; the medians are compared.")] = 3,
    hours: Annotated[float, typer.Option(min=0.1, help="Simulate at most this many hours of each workload.")] = 24
    * 365,
    workload: WorkloadOption = [],  # noqa: B006 - typer copies it
    policy: Annotated[
        list[str], typer.Option("--policy", help=f"Run only this policy, one of {', '.join(POLICIES)}; repeatable.")
    ] = [],  # noqa: B006 - typer copies it
    pool: PoolOption = PoolKind.SPOT_FLEET,
    spot_percent: SpotPercentOption = 100 * SPOT_SHARE,
    at_once: AtOnceOption = CORES,
    page_: PageOption = None,
    json_: JsonOption = None,
) -> None:
    """Run every policy on workloads of real traces, with several seeds, and compare the medians.

    Exit code 1: a promise is not kept. 2: a trace cannot be read.
    """
    check_page(page_, benchmarks_page.MADE_BY)
    names = [name for name in POLICIES if not policy or name in policy]
    if policy and page_:
        fail("--page is given with --policy: the page has the figures of all policies; leave one of the two out")
    if unknown := set(policy) - set(POLICIES):
        fail(f"--policy is {', '.join(sorted(unknown))}: one of {', '.join(POLICIES)} is needed")
    chosen = [
        replace(w, hours=min(w.hours, hours), pool=pool) for w in chosen_workloads(workload, comparison.WORKLOADS)
    ]
    with one_line_errors(traces.BadTrace), progress_bars() as progress:
        for each in chosen:
            each.plan(traces_)
        bar = progress.add_task("policies", total=len(names) * sum(len(comparison.seeds_of(w, seeds)) for w in chosen))

        def show_done(run: str) -> None:
            progress.update(bar, advance=1, description=run)

        compared = list(comparison.compare(traces_, chosen, seeds, at_once, show_done, names, spot_percent / 100))
    publish(
        [figures_of(one) for one in compared],
        benchmarks_page.tables(compared, seeds, spot_percent / 100),
        benchmarks_page.MADE_BY,
        page_,
        json_,
    )
    end_if_broken(
        f"{one.workload.name}: {promise}: {found}"
        for one in compared
        if one.workload.promised
        for promise, kept, found in one.promises()
        if not kept
    )


def figures_of(compared: comparison.Comparison) -> dict[str, Any]:
    """Return one workload's figures, as `--json` writes them: those of each policy, and the promises."""
    workload = compared.workload
    return {
        "workload": workload.name,
        "hours": workload.hours,
        "instance_type": workload.instance_type,
        "lower_bound_instance_hours": compared.lower_bound,
        "whole_instance_hours": compared.whole_instances,
        "policies": [{**asdict(row), "cost": row.cost} for row in compared.rows],
        "promises": [
            {"promise": promise, "kept": kept, "figures": found} for promise, kept, found in compared.promises()
        ]
        if workload.promised
        else [],
    }
