"""The `steady` command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import typer

from cli import adopt, clusters, config, drain, explain, image, prepare, renewal, simulate, tune, upgrade, watch
from cli import run as run_
from cli.bench import command as bench
from cli.cost import command as cost
from cli.doctor import command as doctor
from cli.entry import OneLineGroup, begin
from cli.examples import epilog
from cli.logs import command as logs
from cli.record import command as record
from cli.report import command as report
from cli.rightsize import command as rightsize
from cli.template import command as template

app = typer.Typer(
    name="steady",
    cls=OneLineGroup,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    # Frames and colours are for a terminal. In a pipe, help is plain: no line of it is cut.
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(begin)
COMMANDS: dict[str, Callable[..., Any]] = {
    "simulate": simulate.simulate_traces,
    "demo": simulate.demo,
    "tune": tune.tune,
    "record": record.record,
    "drain": drain.drain,
    "run": run_.run,
    "renew": renewal.renew,
    "clusters": clusters.clusters,
    "adopt": adopt.adopt,
    "explain": explain.explain,
    "watch": watch.watch,
    "doctor": doctor.doctor,
    "report": report.report,
    "logs": logs.logs,
    "rightsize": rightsize.rightsize,
    "cost": cost.cost,
    "image": image.image,
    "template": template.template,
    "prepare": prepare.prepare,
    "upgrade": upgrade.upgrade,
}
for name, command in COMMANDS.items():
    app.command(name, epilog=epilog(name))(command)
app.add_typer(config.app, name="config")
app.add_typer(bench.app, name="bench")


def run() -> None:
    """Run the command `steady`."""
    app()
