"""`steady bench`: measure the suite at its limits, on the simulated account."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from cli.bench import (
    clairvoyant,
    cold_start,
    interruption,
    karpenter_suite,
    lambda_sizes,
    launch,
    policies,
    pools,
    published,
    reliability_page,
    renewal,
    sensitivity,
)
from cli.bench import growth as growth_
from cli.bench import promises as limits_
from cli.bench.options import (
    CORES,
    AtOnceOption,
    CasesOption,
    PageOption,
    SearchOption,
    SeedOption,
    TracesOption,
    check_checkout,
    check_page,
    end_if_broken,
    publish,
    show_cases,
)
from cli.examples import epilog
from cli.output import JsonOption, one_line_errors, progress_bars, say, show_table, write_json
from simulator.bench import placement as packing
from simulator.bench import tick
from simulator.chaos import matrix
from simulator.chaos.as_they_are import table as as_they_are
from simulator.chaos.soak import Soak
from simulator.wording import counted
from simulator.workload import traces

app = typer.Typer(help="Measure the suite on the simulated account.", no_args_is_help=True)
app.command("interruption", epilog=epilog("bench interruption"))(interruption.interruption)
app.command("clairvoyant", epilog=epilog("bench clairvoyant"))(clairvoyant.clairvoyant)
app.command("karpenter", epilog=epilog("bench karpenter"))(karpenter_suite.karpenter)
app.command("launch", epilog=epilog("bench launch"))(launch.launch)
app.command("policies", epilog=epilog("bench policies"))(policies.policies)
app.command("published", epilog=epilog("bench published"))(published.published)
app.command("pools", epilog=epilog("bench pools"))(pools.pools)
app.command("renewal", epilog=epilog("bench renewal"))(renewal.renewal)
app.command("sensitivity", epilog=epilog("bench sensitivity"))(sensitivity.sensitivity)


@app.callback()
def describe_benchmarks() -> None:
    """Measure the suite on the simulated account, with the rate limits of the ECS API."""


@app.command(epilog=epilog("bench autoscaler"))
def autoscaler(
    instances: Annotated[int, typer.Option(min=1, max=5000, help="Container instances of the cluster.")] = 500,
    services: Annotated[int, typer.Option(min=1, max=5000, help="Services of the cluster.")] = 200,
    tasks: Annotated[int, typer.Option(min=1, max=100_000, help="Tasks of all services together.")] = 5000,
    seed: SeedOption = 0,
    json_: JsonOption = None,
) -> None:
    """Measure one tick of a cluster in which nothing changes: CPU time of the function's own code, memory, calls."""
    figures = tick.tick(instances, services, tasks, seed=seed)
    write_json(figures, json_)
    if json_ != "-":
        size = f"{counted(instances, 'instance')}, {counted(services, 'service')}, {counted(tasks, 'task')}"
        table = Table("", "", title=f"one tick of {size}")
        table.add_row("CPU time of the function's own code", f"{figures['seconds']:.3f} s")
        table.add_row("allocated memory", f"{figures['peak_mib']:.1f} MiB")
        for name, count in figures["api_calls"].items():
            table.add_row(name, f"{count:,}")
        show_table(table)


@app.command(epilog=epilog("bench placement"))
def placement(
    cases: CasesOption = 200,
    search: SearchOption = 10,
    json_: JsonOption = None,
) -> None:
    """Pack random cases, and compare with the best packing that a long search finds. Needs OR-tools."""
    with one_line_errors(packing.NoSearch), progress_bars() as progress:
        bar = progress.add_task("cases", total=cases)
        figures = packing.placement(cases, search, lambda: progress.advance(bar))
    show_cases(figures, cases, json_)


@app.command(epilog=epilog("bench limits"))
def limits(
    traces_: TracesOption,
    cases: CasesOption = 200,
    search: SearchOption = 10,
    page_: PageOption = None,
    json_: JsonOption = None,
) -> None:
    """Measure every promise of speed, size and calls. Needs OR-tools.

    Exit code 1: a promise is not kept. 2: a trace cannot be read, or OR-tools is not installed.
    """
    check_checkout()
    check_page(page_, limits_.MADE_BY)
    with one_line_errors(traces.BadTrace, packing.NoSearch), progress_bars() as progress:
        bar = progress.add_task("figures", total=limits_.STEPS)
        found = limits_.measure(traces_, cases=cases, search_s=search, done=lambda: progress.advance(bar))
    publish([asdict(limit) for limit in found], limits_.table(found), limits_.MADE_BY, page_, json_)
    end_if_broken(
        f"{limit.what} is {limit.figure:,.4g}, at most {limit.most:g} {limit.unit}" for limit in found if not limit.kept
    )


@app.command(epilog=epilog("bench growth"))
def growth(page_: PageOption = None, json_: JsonOption = None) -> None:
    """Measure one tick of clusters of 10 to 5,000 instances: CPU time of the function's own code, memory, calls."""
    check_page(page_, growth_.MADE_BY)
    with progress_bars() as progress:
        bar = progress.add_task("clusters", total=len(growth_.INSTANCES))
        found = growth_.measure(done=lambda: progress.advance(bar))
    publish(found, growth_.table(found), growth_.MADE_BY, page_, json_)


@app.command(epilog=epilog("bench sizes"))
def sizes(page_: PageOption = None, json_: JsonOption = None) -> None:
    """Measure the time and the price of each function, for several sizes of a Lambda function's memory."""
    check_checkout()
    check_page(page_, lambda_sizes.MADE_BY)
    found = lambda_sizes.measure()
    publish(lambda_sizes.figures(found), lambda_sizes.table(found), lambda_sizes.MADE_BY, page_, json_)


@app.command(epilog=epilog("bench cold"))
def cold(
    runs: Annotated[int, typer.Option(min=1, max=200, help="How many times each is started.")] = 15,
    json_: JsonOption = None,
) -> None:
    """Measure how long the interruption handler takes to start, beside boto3 alone and a usual handler."""
    check_checkout()
    with progress_bars() as progress:
        bar = progress.add_task("starts", total=runs * len(cold_start.INITS))
        seconds = cold_start.measure(runs, lambda: progress.advance(bar))
    ours, least, usual = (seconds[name] for name in ("interruption handler", "boto3", "the usual handler"))
    ratios = {"over boto3": round(ours / least, 3), "over the usual handler": round(ours / usual, 3)}
    write_json({"seconds": {name: round(value, 4) for name, value in seconds.items()}, **ratios}, json_)
    if json_ != "-":
        table = Table("", "s", title=f"from the start to the first call, median of {runs} fresh processes")
        for name, value in seconds.items():
            table.add_row(name, f"{value:.3f}")
        show_table(table)
        say("; ".join(f"{name}: {ratio}" for name, ratio in ratios.items()))


@app.command(epilog=epilog("bench chaos"))
def chaos(
    every: Annotated[int, typer.Option(min=1, help="Run only every n-th fault and drawn cluster. 1: all.")] = 1,
    days: Annotated[float, typer.Option(min=0, help="Simulated days of the soak. 0: no soak.")] = 30,
    seed: Annotated[int, typer.Option(help="The random seed of the soak.")] = 0,
    at_once: AtOnceOption = CORES,
    page_: PageOption = None,
    json_: JsonOption = None,
) -> None:
    """Run clusters as they are, every fault at every call of every scenario, and days in which each fault happens.

    Clusters as they are: worlds with the timing that AWS documents, each drawn from a seed.

    Exit code 1: a promise is broken.
    """
    check_page(page_, reliability_page.MADE_BY)
    wanted, draws = list(matrix.cases(every)), list(as_they_are.draws(every))
    with progress_bars() as progress:
        of_draws = progress.add_task(f"{len(draws)} drawn clusters", total=len(draws))
        drawn = matrix.run_all(draws, at_once, lambda: progress.advance(of_draws), as_they_are.run)
        bar = progress.add_task(f"{len(wanted)} faults", total=len(wanted))
        rows = matrix.run_all(wanted, at_once, lambda: progress.advance(bar))
        of_soak = progress.add_task("soak", total=days)
        soaked = Soak(days, seed).run(lambda passed: progress.update(of_soak, completed=passed)) if days else None
    text = reliability_page.figures(rows, drawn, soaked)
    broken = [
        f"{one.scenario}, {one.kind} {one.at}: {'; '.join(one.broken)}" for row in (*drawn, *rows) for one in row.broken
    ]
    broken += [f"soak: {what}" for what in (soaked.broken_promises() if soaked else ())]
    tables = {"clusters": [asdict(row) for row in drawn], "rows": [asdict(row) for row in rows]}
    publish({**tables, "soak": asdict(soaked) if soaked else None}, text, reliability_page.MADE_BY, page_, json_)
    end_if_broken(broken, "promises are broken:")
