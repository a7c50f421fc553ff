"""`steady bench launch`: a burst of RunTask requests, with the launch queue and with callers that help themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from cli.bench import figures_page
from cli.bench.options import CORES, AtOnceOption, PageOption, SeedOption, check_page, end_if_broken, publish
from cli.output import JsonOption, progress_bars
from simulator.bench import launch as burst
from simulator.bench.launch import Result

MADE_BY = "steady bench launch"


def launch(
    launches: Annotated[int, typer.Option(min=1, max=10_000, help="Requests, each for one task.")] = 1000,
    minutes: Annotated[float, typer.Option(min=0.1, max=60, help="They are sent within so many minutes.")] = 5,
    with_peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="Also measure callers without the queue. They promise nothing.")
    ] = True,
    seed: SeedOption = 0,
    at_once: AtOnceOption = CORES,
    page_: PageOption = None,
    json_: JsonOption = None,
) -> None:
    """Send a burst of RunTask requests to a cluster that holds 50 tasks, and count what is lost, and what runs twice.

    Exit code 1: the launch queue does not keep a promise.
    """
    check_page(page_, MADE_BY)
    callers = burst.CALLERS if with_peers else (burst.QUEUE, burst.CRASHING)
    with progress_bars() as progress:
        bar = progress.add_task("callers", total=len(callers))
        done = lambda case: progress.advance(bar)  # noqa: E731
        found = burst.measure(callers, launches, 60 * minutes, seed, at_once, done)
    figures = [{**asdict(one), "kept": all(kept for _, kept in one.promises())} for one in found]
    publish(figures, table(found), MADE_BY, page_, json_)
    end_if_broken(what for one in found for what, kept in one.promises() if not kept)


def table(found: Sequence[Result]) -> str:
    """Return a Markdown table with a row for each way to call."""
    columns = ("caller", "not run", "run twice", "p50 (s)", "p95 (s)", "longest (s)", "RunTask", "throttled", "h")
    rows = [
        (
            f"**{one.caller}**" if one.promises() else one.caller,
            f"{one.lost:,}",
            f"{one.run_twice:,}",
            *(f"{one.wait_s[name]:,.0f}" for name in ("p50", "p95", "max")),
            f"{one.calls:,}",
            f"{one.throttled:,}",
            f"{one.instance_hours:,.0f}",
        )
        for one in found
    ]
    return figures_page.table(columns, ["---", *["---:"] * 8], rows)
