"""`steady bench launch`: a burst of RunTask requests, with the launch queue and with callers that help themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from cli.bench import figures_page
from cli.bench.options import CORES, AtOnceOption, PageOption, SeedOption, check_page, end_if_broken, publish
from cli.output import JsonOption, progress_bars
from simulator.bench import hard_launches as hard
from simulator.bench import launch as burst
from simulator.bench.hard_launches import Check
from simulator.bench.launch import Result

MADE_BY = "steady bench launch"


def launch(
    launches: Annotated[int, typer.Option(min=1, max=10_000, help="Requests, each for one task.")] = 1000,
    minutes: Annotated[float, typer.Option(min=0.1, max=60, help="They are sent within so many minutes.")] = 5,
    with_peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="Also measure callers without the queue. They promise nothing.")
    ] = True,
    with_hard: Annotated[
        bool,
        typer.Option("--hard/--no-hard", help="Also measure gangs, poison, 10,000 requests that wait, and throttling."),
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
        trials = hard.TRIALS if with_hard else ()
        bar = progress.add_task("bursts", total=len(callers) + len(trials))
        done = lambda case: progress.advance(bar)  # noqa: E731
        found = burst.measure(callers, launches, 60 * minutes, seed, at_once, done)
        checks = hard.measure(trials, seed, at_once, done)
    figures = [{**asdict(one), "kept": all(kept for _, kept in one.promises())} for one in found]
    figures += [{**asdict(check), "kept": check.kept} for check in checks]
    tables = [table(found), table_of_checks(checks)] if checks else [table(found)]
    publish(figures, "\n".join(tables), MADE_BY, page_, json_)
    broken = [what for one in found for what, kept in one.promises() if not kept]
    end_if_broken([*broken, *(str(check) for check in checks if not check.kept)])


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


def table_of_checks(checks: Sequence[Check]) -> str:
    """Return a Markdown table with what was measured of each promise, and the most that is promised."""
    rows = [
        (check.trial if check.trial != before else "", check.what, f"{check.measured:,.1f}", f"{check.at_most:g}")
        for before, check in zip(["", *(check.trial for check in checks)], checks, strict=False)
    ]
    return figures_page.table(("requests", "measured", "is", "at most"), ["---", "---", "---:", "---:"], rows)
