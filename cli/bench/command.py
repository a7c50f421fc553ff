"""`steady bench`: what the suite does at its limits, on the simulated account."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markdown import Markdown
from rich.progress import Progress
from rich.table import Table

from cli.bench import benchmarks_page, cold_start, figures_page, lambda_sizes, reliability_page
from cli.bench import growth as growth_
from cli.bench import promises as limits_
from cli.output import JsonOption, answers, fail, notes, one_line_errors, write_json
from simulator import comparison, peers
from simulator.bench import interruption as reclaim
from simulator.bench import placement as packing
from simulator.bench import tick
from simulator.chaos import matrix
from simulator.chaos.soak import Soak
from simulator.policies import POLICIES
from simulator.workload import traces

BROKEN = 1

app = typer.Typer(help="Benchmarks on the simulated account.", no_args_is_help=True)


@app.callback()
def benches() -> None:
    """Benchmarks on the simulated account, behind AWS's real rate limits."""


@app.command()
def interruption(
    instances: Annotated[int, typer.Option(min=1, max=2000, help="Instances of the fleet; all are reclaimed.")] = 100,
    tasks: Annotated[int, typer.Option(min=1, max=50, help="Tasks on each instance.")] = 9,
    seed: Annotated[int, typer.Option(help="Of all that is random.")] = 0,
    with_peers: Annotated[bool, typer.Option("--peers", help="The same reclaim as others handle it, too.")] = False,
    json_: JsonOption = None,
) -> None:
    """Reclaims a whole Spot Fleet within 5 s and measures its service-out."""
    handlings = list(peers.HANDLINGS) if with_peers else ["steady"]
    figures = [reclaim.interruption(instances, tasks, seed, handling) for handling in handlings]
    write_json(figures if with_peers else figures[0], json_)
    if json_ != "-":
        answers.print(_table(figures))


@app.command()
def autoscaler(
    instances: Annotated[int, typer.Option(min=1, max=5000, help="Container instances of the cluster.")] = 500,
    services: Annotated[int, typer.Option(min=1, max=5000, help="Services of it.")] = 200,
    tasks: Annotated[int, typer.Option(min=1, max=100_000, help="Tasks of them all.")] = 5000,
    seed: Annotated[int, typer.Option(help="Of all that is random.")] = 0,
    json_: JsonOption = None,
) -> None:
    """Measures one tick of a cluster that rests: CPU of the function's own code, memory, and calls."""
    figures = tick.tick(instances, services, tasks, seed=seed)
    write_json(figures, json_)
    if json_ != "-":
        table = Table("", "", title=f"one tick of {instances:,} instances, {services:,} services, {tasks:,} tasks")
        table.add_row("CPU of the function's own code", f"{figures['seconds']:.3f} s")
        table.add_row("memory that it allocates", f"{figures['peak_mib']:.1f} MiB")
        for name, count in figures["api_calls"].items():
            table.add_row(name, f"{count:,}")
        answers.print(table)


@app.command()
def placement(
    cases: Annotated[int, typer.Option(min=1, help="Random cases.")] = 200,
    search: Annotated[float, typer.Option(min=0.1, help="Seconds that each is searched for.")] = 10,
    json_: JsonOption = None,
) -> None:
    """Packs random cases, beside the best that a long search finds for them. Needs OR-tools."""
    with one_line_errors(packing.NoSearch), Progress(console=notes) as progress:
        bar = progress.add_task("cases", total=cases)
        figures = packing.placement(cases, search, lambda: progress.advance(bar))
    write_json(figures, json_)
    if json_ != "-":
        table = Table("", "", title=f"{cases} random cases")
        for name, value in figures.items():
            table.add_row(name, f"{value:,}")
        answers.print(table)


@app.command()
def limits(
    traces_: Annotated[Path, typer.Option("--traces", help="The folder of the traces.")],
    cases: Annotated[int, typer.Option(min=1, help="Random cases of placement.")] = 200,
    search: Annotated[float, typer.Option(min=0.1, help="Seconds that each is searched for.")] = 10,
    page_: Annotated[Path | None, typer.Option("--page", help="Write the tables into this Markdown file.")] = None,
    json_: JsonOption = None,
) -> None:
    """Every promise of speed, size and calls, with its figure. Exit code 1: one is not kept. Needs OR-tools."""
    with one_line_errors(traces.BadTrace, packing.NoSearch), Progress(console=notes) as progress:
        bar = progress.add_task("figures", total=limits_.STEPS)
        found = limits_.measure(traces_, cases=cases, search_s=search, done=lambda: progress.advance(bar))
    _write_figures(page_, limits_.MADE_BY, limits_.table(found))
    write_json([asdict(limit) for limit in found], json_)
    if json_ != "-":
        answers.print(Markdown(limits_.table(found)))
    if not all(limit.kept for limit in found):
        fail("a promise is not kept", BROKEN)


@app.command()
def growth(
    page_: Annotated[Path | None, typer.Option("--page", help="Write the table into this file.")] = None,
) -> None:
    """One tick of clusters of 10 instances to 5,000: CPU of the function's own code, memory, and calls."""
    with Progress(console=notes) as progress:
        bar = progress.add_task("clusters", total=len(growth_.INSTANCES))
        text = growth_.table(growth_.measure(done=lambda: progress.advance(bar)))
    _write_figures(page_, growth_.MADE_BY, text)
    answers.print(Markdown(text))


@app.command()
def sizes(page_: Annotated[Path | None, typer.Option("--page", help="Write the table into this file.")] = None) -> None:
    """What each function takes and costs, by the memory that Lambda gives it."""
    text = lambda_sizes.table(lambda_sizes.measure())
    _write_figures(page_, lambda_sizes.MADE_BY, text)
    answers.print(Markdown(text))


@app.command()
def policies(
    traces_: Annotated[Path, typer.Option("--traces", help="The folder of the traces.")],
    seeds: Annotated[int, typer.Option(min=1, max=99, help="How many seeds to take the medians of.")] = 3,
    hours: Annotated[float, typer.Option(min=0.1, help="Simulate no more hours than this of any workload.")] = 24 * 365,
    workload: Annotated[list[str], typer.Option(help="Only workloads with this in their name; repeatable.")] = [],  # noqa: B006 - typer copies it
    at_once: Annotated[int, typer.Option(min=1, help="How many simulations run side by side.")] = os.cpu_count() or 1,
    page_: Annotated[Path | None, typer.Option("--page", help="Write the tables to this Markdown file.")] = None,
) -> None:
    """Runs every policy on the real workloads, several seeds each, and compares the medians."""
    chosen = [
        replace(w, hours=min(w.hours, hours))
        for w in comparison.WORKLOADS
        if not workload or any(part in w.name for part in workload)
    ]
    if not chosen:
        fail(f"no workload is named so: one of {'; '.join(w.name for w in comparison.WORKLOADS)} is needed")
    with one_line_errors(traces.BadTrace), Progress(console=notes) as progress:
        for each in chosen:
            each.plan(traces_)
        bar = progress.add_task(
            "policies", total=len(POLICIES) * sum(len(comparison.seeds_of(w, seeds)) for w in chosen)
        )

        def done(what: str) -> None:
            progress.update(bar, advance=1, description=what)

        compared = list(comparison.compare(traces_, chosen, seeds, at_once, done))
    text = benchmarks_page.tables(compared, seeds)
    _write_figures(page_, benchmarks_page.MADE_BY, text)
    answers.print(Markdown(text))


@app.command()
def cold(
    runs: Annotated[int, typer.Option(min=1, max=200, help="Fresh processes of each.")] = 15,
    json_: JsonOption = None,
) -> None:
    """Measures the start of the interruption handler, beside boto3 alone and a handler as they usually are."""
    with Progress(console=notes) as progress:
        bar = progress.add_task("starts", total=runs * len(cold_start.INITS))
        seconds = cold_start.measure(runs, lambda: progress.advance(bar))
    ours, least, usual = (seconds[name] for name in ("interruption handler", "boto3", "the usual handler"))
    ratios = {"over boto3": round(ours / least, 3), "over the usual handler": round(ours / usual, 3)}
    write_json({"seconds": {name: round(value, 4) for name, value in seconds.items()}, **ratios}, json_)
    if json_ != "-":
        table = Table("", "s", title=f"from start to first call, median of {runs} fresh processes")
        for name, value in seconds.items():
            table.add_row(name, f"{value:.3f}")
        answers.print(table)
        answers.print("; ".join(f"{name}: {ratio}" for name, ratio in ratios.items()), highlight=False)


@app.command()
def chaos(
    every: Annotated[int, typer.Option(min=1, help="Run one of so many cases of the matrix.")] = 1,
    days: Annotated[float, typer.Option(min=0, help="How many days to soak; 0: none.")] = 30,
    seed: Annotated[int, typer.Option(help="Of the soak.")] = 0,
    at_once: Annotated[int, typer.Option(min=1, help="How many runs side by side.")] = os.cpu_count() or 1,
    page_: Annotated[Path | None, typer.Option("--page", help="Write the figures into this Markdown file.")] = None,
    json_: JsonOption = None,
) -> None:
    """Every fault at every call of every scenario, events gone wrong, and a soak. Exit code 1: a promise is broken."""
    wanted = list(matrix.cases(every))
    with Progress(console=notes) as progress:
        bar = progress.add_task(f"{len(wanted)} faults", total=len(wanted))
        rows = matrix.run_all(wanted, at_once, lambda: progress.advance(bar))
        of_soak = progress.add_task("soak", total=days)
        soaked = Soak(days, seed).run(lambda passed: progress.update(of_soak, completed=passed)) if days else None
    text = reliability_page.figures(rows, soaked)
    _write_figures(page_, reliability_page.MADE_BY, text)
    broken = [f"{one.scenario}, {one.kind}, {one.at}: {'; '.join(one.broken)}" for row in rows for one in row.broken]
    broken += [f"soak: {what}" for what in (soaked.broken() if soaked else ())]
    write_json({"rows": [asdict(row) for row in rows], "soak": asdict(soaked) if soaked else None}, json_)
    if json_ != "-":
        answers.print(Markdown(text))
    if broken:
        fail("promises are broken:\n" + "\n".join(broken), BROKEN)


def _write_figures(page: Path | None, made_by: str, text: str) -> None:
    if page:
        with one_line_errors(figures_page.NoFigures):
            figures_page.write(page, made_by, text)


def _table(figures: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("", title=f"{figures[0]['instances']} instances reclaimed within 5 s")
    for column in figures:
        table.add_column(column["handling"], justify="right")
    for name in figures[0]:
        if name not in ("handling", "instances", "api_calls"):
            table.add_row(name, *(f"{column[name]:,}" for column in figures))
    return table
