"""`steady tune`: compare settings by waiting time and instance-hours, on the operator's own work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from cli.output import JsonOption, ReportOption, one_line_errors, progress_bars, say, show_table, write_json
from cli.scenario import report_left_out, scenario_of
from cli.simulate import (
    HoursOption,
    InstanceOption,
    JobsOption,
    SeedOption,
    ServicesOption,
    SetOption,
    SpotOption,
)
from simulator import tuning
from simulator.instance_types import NoSuchInstanceType
from simulator.report import chart_page
from simulator.report.tuning_chart import tuning_chart
from simulator.tuning import Tried
from simulator.wording import counted
from simulator.workload import traces
from steady.thresholds import BadThreshold


def tune(
    jobs: JobsOption = None,
    services: ServicesOption = None,
    spot: SpotOption = None,
    instance: InstanceOption = "m5.2xlarge",
    hours: HoursOption = 24,
    set_: SetOption = [],  # noqa: B006 - typer copies it
    seed: SeedOption = 0,
    wait: Annotated[
        float, typer.Option(min=0, help="The longest acceptable wait of a task, 95th percentile, in seconds.")
    ] = 60,
    cluster: Annotated[str, typer.Option(help="The cluster that the printed command is for.")] = "CLUSTER",
    report: ReportOption = None,
    json_: JsonOption = None,
) -> None:
    """Simulate many settings on traces (or on a synthetic day), and show those that no other setting beats.

    The command prints the cheapest of them that keeps the wait under --wait, as a `steady config set` command.
    `steady record` makes traces of a live cluster.

    Exit code 2: a trace or a threshold is wrong.
    """
    with one_line_errors(traces.BadTrace, NoSuchInstanceType, BadThreshold):
        scenario = scenario_of(jobs, services, spot, instance, hours, seed, set_)
    report_left_out(scenario)
    wanted = tuning.settings()
    with progress_bars() as progress:
        bar = progress.add_task(counted(len(wanted), "setting"), total=len(wanted))
        tried = tuning.search(scenario, wanted, os.cpu_count() or 1, lambda: progress.advance(bar))
    best = tuning.front(tried)
    choice = tuning.chosen(best, wait)
    command = command_for(cluster, choice)
    if report:
        report.write_text(chart_page("Waiting time against cost", tuning_chart(tried, best, choice)), encoding="utf-8")
    answer = {"tried": [asdict(t) for t in tried], "front": [asdict(t) for t in best], "chosen": asdict(choice)}
    write_json({**answer, "command": command}, json_)
    if json_ != "-":
        show_table(_table(best, choice))
        if choice.wait_p95_s > wait:
            say(
                f"No setting keeps the 95th percentile of the wait at {wait:g} s or less (--wait). The setting with "
                f"the shortest mean wait is chosen; its 95th percentile is {choice.wait_p95_s:g} s.",
            )
        say(f"\n{command}")


def command_for(cluster: str, choice: Tried) -> str:
    """Return the command that sets the chosen thresholds of `cluster`."""
    return f"steady config set {cluster} " + " ".join(f"{name}={value}" for name, value in choice.thresholds.items())


def _table(best: Sequence[Tried], choice: Tried) -> Table:
    table = Table(title="Settings that no other setting beats")
    for name in choice.thresholds:
        table.add_column(name, justify="right", overflow="fold")
    for name in ("wait, mean (s)", "wait, p95 (s)", "instance-hours"):
        table.add_column(name, justify="right")
    for one in best:
        values = [str(value) for value in one.thresholds.values()]
        figures = (f"{one.wait_mean_s:.1f}", f"{one.wait_p95_s:g}", f"{one.instance_hours:,.1f}")
        table.add_row(*values, *figures, style="bold" if one is choice else None)
    return table
