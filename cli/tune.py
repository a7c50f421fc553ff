"""`steady tune`: the trade of waiting against instance-hours on the operator's own work, and the settings for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import plotly.graph_objects as go
import typer
from rich.progress import Progress
from rich.table import Table

from cli.output import JsonOption, answers, notes, one_line_errors, write_json
from cli.simulate import HoursOption, SeedOption, SetOption, scenario_of
from simulator import tuning
from simulator.instance_types import NoSuchInstanceType
from simulator.tuning import Tried
from simulator.workload import traces
from steady.thresholds import BadThreshold


def tune(
    jobs: Annotated[Path | None, typer.Option(help="Jobs trace, CSV: submit_s,family,cpu,memory,run_s.")] = None,
    services: Annotated[
        Path | None, typer.Option(help="Services trace, CSV: at_s,service,desired_count,cpu,memory.")
    ] = None,
    spot: Annotated[Path | None, typer.Option(help="Spot market trace, JSON; none: no interruptions.")] = None,
    instance: Annotated[str, typer.Option(help="The EC2 instance type of the traces' cluster.")] = "m5.2xlarge",
    hours: HoursOption = 24,
    set_: SetOption = [],  # noqa: B006 - typer copies it
    seed: SeedOption = 0,
    wait: Annotated[float, typer.Option(min=0, help="The 95th percentile of waiting, in seconds, that will do.")] = 60,
    cluster: Annotated[str, typer.Option(help="The cluster that the printed commands are for.")] = "CLUSTER",
    report: Annotated[Path | None, typer.Option(help="Write the curve, as a page, to this file.")] = None,
    json_: JsonOption = None,
) -> None:
    """Simulates many settings on traces (or a synthetic day), and shows which of them are worth having.

    Make traces of a live cluster with `steady record`. Exit code 2: a trace or a threshold is wrong.
    """
    with one_line_errors(traces.BadTrace, NoSuchInstanceType, BadThreshold):
        scenario = scenario_of(jobs, services, spot, instance, hours, seed, set_)
    wanted = tuning.settings()
    with Progress(console=notes) as progress:
        bar = progress.add_task(f"{len(wanted)} settings", total=len(wanted))
        tried = list(tuning.search(scenario, wanted, os.cpu_count() or 1, lambda: progress.advance(bar)))
    best = tuning.front(tried)
    choice = tuning.chosen(best, wait)
    command = command_for(cluster, choice)
    if report:
        report.parent.mkdir(parents=True, exist_ok=True)
        curve(tried, best, choice).write_html(report, include_plotlyjs=True)
    answer = {"tried": [asdict(t) for t in tried], "front": [asdict(t) for t in best], "chosen": asdict(choice)}
    write_json({**answer, "command": command}, json_)
    if json_ != "-":
        answers.print(_table(best, choice))
        if choice.wait_p95_s > wait:
            answers.print(f"None waits {wait:g} s or less: the one that waits the least is taken.", highlight=False)
        answers.print(f"\n{command}", highlight=False, markup=False, soft_wrap=True)


def command_for(cluster: str, choice: Tried) -> str:
    """What sets the thresholds that were chosen."""
    return f"steady config set {cluster} " + " ".join(f"{name}={value}" for name, value in choice.thresholds.items())


def curve(tried: Sequence[Tried], best: Sequence[Tried], choice: Tried) -> go.Figure:
    """Waiting against instance-hours: every setting a point, those that no other beats a line."""
    figure = go.Figure()
    for name, points, style in (
        ("tried", tried, {"mode": "markers", "marker": {"color": "#999999", "size": 7}}),
        ("worth having", best, {"mode": "lines+markers", "marker": {"color": "#0072B2", "size": 9}}),
        ("chosen", [choice], {"mode": "markers", "marker": {"color": "#D55E00", "size": 14, "symbol": "star"}}),
    ):
        figure.add_trace(
            go.Scatter(
                x=[p.instance_hours for p in points],
                y=[p.wait_mean_s for p in points],
                customdata=[p.wait_p95_s for p in points],
                text=["<br>".join(f"{k}={v}" for k, v in p.thresholds.items()) for p in points],
                hovertemplate="%{x:.1f} hours, mean %{y:.1f} s, p95 %{customdata:.0f} s<br>%{text}<extra></extra>",
                name=name,
                **style,
            )
        )
    return figure.update_layout(
        title="Waiting against cost", xaxis_title="instance-hours", yaxis_title="waiting, mean of all tasks, s"
    )


def _table(best: Sequence[Tried], choice: Tried) -> Table:
    table = Table(title="Settings that no other beats")
    for name in choice.thresholds:
        table.add_column(name, justify="right", overflow="fold")
    for name in ("wait, mean (s)", "wait, p95 (s)", "instance-hours"):
        table.add_column(name, justify="right")
    for one in best:
        values = [str(value) for value in one.thresholds.values()]
        figures = (f"{one.wait_mean_s:.1f}", f"{one.wait_p95_s:g}", f"{one.instance_hours:,.1f}")
        table.add_row(*values, *figures, style="bold" if one is choice else None)
    return table
