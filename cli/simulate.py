"""`steady simulate` and `steady demo`: run policies on traces or on a synthetic day, on the simulated account."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, TimeRemainingColumn
from rich.table import Table

from cli.bench import figures_page
from cli.bench.options import PageOption, check_page, write_figures
from cli.output import (
    JsonOption,
    ReportOption,
    check_installed,
    one_line_errors,
    progress_bars,
    say,
    show_table,
    text_column,
    write_json,
)
from cli.pool_tables import pool_tables
from cli.scenario import report_left_out, scenario_of
from simulator import policies, report
from simulator.instance_types import NoSuchInstanceType
from simulator.outcome import Outcome
from simulator.policies import ecs_alone, steady
from simulator.prices import dollars
from simulator.processes import run_all
from simulator.report import difference
from simulator.report.figures import SHOWN
from simulator.simulation import Scenario, simulate
from simulator.wording import counted
from simulator.workload import synthetic, traces
from simulator.workload.pool_rows import FORM, KINDS, BadPool, pools_of
from steady.thresholds import BadThreshold

JobsOption = Annotated[
    Path | None, typer.Option(help="Trace of batch jobs, CSV with the columns submit_s,family,cpu,memory,run_s.")
]
ServicesOption = Annotated[
    Path | None, typer.Option(help="Trace of services, CSV with the columns at_s,service,desired_count,cpu,memory.")
]
SpotOption = Annotated[
    Path | None, typer.Option(help="Trace of the Spot market, JSON. Without it, no instance is interrupted.")
]
PoolsOption = Annotated[
    list[str],
    typer.Option(
        "--pool",
        metavar=FORM,
        help=f"A pool of the cluster, repeatable. KIND: {', '.join(KINDS)}. --instance has no use then.",
    ),
]
PoolsFileOption = Annotated[
    Path | None,
    typer.Option(help="Pools in a file: JSON rows with name, kind, types, and min, max, priority, as in cdk.json."),
]
InstanceOption = Annotated[str, typer.Option(help="The EC2 instance type of the simulated cluster.")]
PolicyOption = Annotated[list[str], typer.Option("--policy", help="The scaling policy to run; repeat it to compare.")]
HoursOption = Annotated[float, typer.Option(min=0.1, max=24 * 365, help="How many hours to simulate.")]
SeedOption = Annotated[int, typer.Option(help="The random seed. Runs with the same seed are identical.")]
SetOption = Annotated[list[str], typer.Option("--set", help="A threshold, as name=value; repeatable.")]


# The mark of the figures that --page writes.
FIGURES_OF = "make picture"


def simulate_traces(
    jobs: JobsOption = None,
    services: ServicesOption = None,
    spot: SpotOption = None,
    policy: PolicyOption = ["steady"],  # noqa: B006 - typer copies it
    instance: InstanceOption = "m5.2xlarge",
    pool: PoolsOption = [],  # noqa: B006
    pools: PoolsFileOption = None,
    hours: HoursOption = 24,
    set_: SetOption = [],  # noqa: B006
    seed: SeedOption = 0,
    json_: JsonOption = None,
    report_: ReportOption = None,
) -> None:
    """Run scaling policies on traces and compare their figures. Without any trace, simulate a synthetic day.

    Jobs and services run on one Spot cluster; with --pool or --pools, on one cluster with these pools. A task that
    fits no instance does not run: the command names it, and counts it as unplaced.

    Exit code 2: a trace, the policy, a pool, the instance type or a threshold is wrong.
    """
    with one_line_errors(traces.BadTrace, NoSuchInstanceType, policies.NoSuchPolicy, BadThreshold, BadPool):
        of_pools = pools_of(pool, pools)
        for name in policy:
            (policies.named_for_pools if of_pools else policies.named)(name)
        scenario = scenario_of(jobs, services, spot, instance, hours, seed, set_, of_pools)
    report_left_out(scenario)
    outcomes = run_policies(policy, scenario)
    if report_:
        report.write(outcomes, report_)
    write_json([o.figures for o in outcomes], json_)
    if json_ != "-":
        show_table(_table(outcomes))
        for table in pool_tables(outcomes):
            show_table(table)


def demo(
    out: Annotated[Path, typer.Option(help="The folder for report.html and result.json.")] = Path("build/demo"),
    hours: HoursOption = 24,
    seed: SeedOption = 0,
    json_: JsonOption = None,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw the day: demo-light.svg and demo-dark.svg in this folder.")
    ] = None,
    page: PageOption = None,
) -> None:
    """Simulate a synthetic day with services, batch jobs and Spot interruptions, and write its report.

    The day runs twice: with ecs-steady, and with what ECS does by itself.
    """
    # Before the simulation: a missing extra, a folder that cannot be made, or a page without marks, ends the command.
    check_installed("moto", "vl_convert")
    check_page(page, FIGURES_OF)
    for folder in filter(None, (out, picture)):
        folder.mkdir(parents=True, exist_ok=True)
    scenario = Scenario(synthetic.day(hours, seed), hours, seed)
    outcomes = run_policies([steady.NAME, ecs_alone.NAME], scenario, report.prepare)
    report.write(outcomes, out / "report.html")
    if picture:
        report.draw(outcomes, picture)
    if page:
        write_figures(page, FIGURES_OF, _page_table(outcomes))
    figures = [o.figures for o in outcomes]
    write_json(figures, str(out / "result.json"))
    write_json(figures, json_)
    if json_ == "-":
        return
    show_table(_table(outcomes))
    message = (*difference.sentences(*figures), difference.at_once(outcomes[0]), difference.cut_short(outcomes))
    for line in (*message, *_summary(outcomes[0])):
        say(line)
    say(f"\nReport: {out / 'report.html'}   figures: {out / 'result.json'}")


def run_policies(
    names: Sequence[str], scenario: Scenario, meanwhile: Callable[[], object] = lambda: None
) -> list[Outcome]:
    """Simulate `scenario` once with each policy, side by side, and show the progress on standard error.

    Args:
        meanwhile: called each time that a simulation has ended, while this process waits for the others.
    """
    # The processes of the simulations are copies of this one: what it has loaded they need not load.
    _ = [plan.size for plan in scenario.clusters]
    columns = (
        text_column("{task.description}"),
        BarColumn(),
        text_column("{task.fields[clock]}"),
        TimeRemainingColumn(),
    )
    with progress_bars(*columns) as progress:
        if len(names) == 1:
            bar = progress.add_task(names[0], total=scenario.hours, clock="")

            def show_progress(simulated_s: float) -> None:
                clock = f"{simulated_s / 3600:.1f} of {scenario.hours:g} h"
                progress.update(bar, completed=simulated_s / 3600, clock=clock)

            return [simulate(names[0], scenario, show_progress)]
        # Each in a process of its own, which says nothing before it ends.
        bars = {name: progress.add_task(name, total=None, clock=f"{scenario.hours:g} h") for name in names}

        def show_done(name: str) -> None:
            progress.update(bars[name], total=1, completed=1)
            meanwhile()

        return run_all(partial(simulate, scenario=scenario), names, min(len(names), os.cpu_count() or 1), show_done)


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(title=counted(outcomes[0].figures["simulated_hours"], "simulated hour"))
    table.add_column("")
    for outcome in outcomes:
        table.add_column(outcome.policy, justify="right")
    for name, cell in SHOWN:
        table.add_row(name, *(cell(o.figures) for o in outcomes))
    table.add_row("Run time of the simulation", *(f"{o.figures['wall_seconds']:.1f} s" for o in outcomes))
    return table


def _page_table(outcomes: Sequence[Outcome]) -> str:
    """Return the Markdown table of what the suite changes, with a column for each policy."""
    rows: tuple[tuple[str, Callable[[Outcome], str]], ...] = (
        (
            "tasks killed: they still ran when Spot took their instance",
            lambda o: f"{o.figures['tasks_killed_in_service']:,}",
        ),
        (
            "batch tasks that could not end by then, stopped with SIGTERM",
            lambda o: f"{difference.stopped_in_time(o):,}",
        ),
        ("tasks waited for an instance, in all", lambda o: f"{o.figures['wait_seconds']['total'] / 60:,.0f} min"),
        ("cost of the instances", lambda o: f"{dollars(o.figures['instance_hours_by']):,.2f} USD"),
    )
    named = ("the same day", "with ecs-steady", "with what ECS does by itself")
    cells = ((name, *(cell(o) for o in outcomes)) for name, cell in rows)
    return figures_page.table(named, ("---", "---:", "---:"), cells)


def _summary(outcome: Outcome) -> list[str]:
    """Return one line for each cluster, and one for the service-outs of all of them."""
    lines = []
    for record in outcome.clusters:
        most = max(record.samples, key=lambda s: s.instances)
        least = min(record.samples, key=lambda s: s.instances)
        waiting = max(s.waiting_tasks for s in record.samples)
        lines.append(
            f"cluster {record.name} ({record.kind.value}): {least.instances} to {counted(most.instances, 'instance')}, "
            f"{counted(len(record.taken), 'interruption notice')}, at most {counted(waiting, 'task')} waiting at "
            "a time"
        )
    taken = [task for record in outcome.clusters for instance in record.taken for task in instance.tasks]
    lines.append(
        f"service-out: {counted(len(taken), 'task')} on the instances that got a notice, "
        f"{counted(outcome.figures['tasks_killed_in_service'], 'task')} killed in service, "
        f"{counted(outcome.figures['failed_requests'], 'failed request')}"
    )
    return lines
