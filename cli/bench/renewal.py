"""`steady bench renewal`: a new image for a whole cluster, with the suite and in two other ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from cli.bench import figures_page
from cli.bench.options import CORES, AtOnceOption, PageOption, SeedOption, check_page, end_if_broken, publish
from cli.output import JsonOption, progress_bars
from simulator.bench import renewal as bench
from simulator.bench.renewal import Result

MADE_BY = "steady bench renewal"


def renewal(
    instances: Annotated[int, typer.Option(min=1, help="How many instances the cluster has.")] = 500,
    seed: SeedOption = 0,
    at_once: AtOnceOption = CORES,
    page_: PageOption = None,
    json_: JsonOption = None,
) -> None:
    """Renew a whole cluster: with the suite, through crashes, with a broken image, and in two other ways.

    Exit code 1: a task is killed, a request fails, a service is without a target, or it takes too long or too much.
    """
    check_page(page_, MADE_BY)
    with progress_bars() as progress:
        bar = progress.add_task("ways", total=len(bench.WAYS))
        found = bench.measure(bench.WAYS, instances, seed, at_once, lambda case: progress.advance(bar))
    figures = [{**asdict(one), "kept": all(kept for _, kept in one.promises())} for one in found]
    publish(figures, table(found), MADE_BY, page_, json_)
    end_if_broken(what for one in found for what, kept in one.promises() if not kept)


def table(found: Sequence[Result]) -> str:
    """Return a Markdown table with a row for each way."""
    columns = (
        "way",
        "services moved (min)",
        "renewed (min)",
        "old ones left",
        "launched",
        "asked for at most",
        "killed",
        "failed",
        "without target (s)",
        "crashes",
    )
    rows = [
        (
            f"**{one.way}**" if one.promises() else one.way,
            *("-" if minutes is None else f"{minutes:,}" for minutes in (one.services_minutes, one.minutes)),
            *(f"{count:,}" for count in (one.left, one.launched, one.most, one.killed, one.failed)),
            f"{one.without_target_s:,.0f}",
            f"{one.crashes:,}",
        )
        for one in found
    ]
    return figures_page.table(columns, ["---", *["---:"] * (len(columns) - 1)], rows)
