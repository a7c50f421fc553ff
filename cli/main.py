"""The `steady` command."""

from __future__ import annotations

import sys

import typer

from cli import config, drain, explain, image, prepare, simulate, tune, upgrade
from cli.bench import command as bench
from cli.cost import command as cost
from cli.doctor import command as doctor
from cli.logs import command as logs
from cli.output import BAD_INPUT, notes
from cli.record import command as record
from cli.report import command as report
from cli.rightsize import command as rightsize
from cli.template import command as template

app = typer.Typer(
    name="steady",
    help="Inspect, configure, drain and simulate Amazon ECS clusters on EC2, and report what they cost.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("simulate")(simulate.simulate_traces)
app.command("demo")(simulate.demo)
app.command("tune")(tune.tune)
app.command("record")(record.record)
app.command("drain")(drain.drain)
app.command("explain")(explain.explain)
app.command("doctor")(doctor.doctor)
app.command("report")(report.report)
app.command("logs")(logs.logs)
app.command("rightsize")(rightsize.rightsize)
app.command("cost")(cost.cost)
app.command("image")(image.image)
app.command("template")(template.template)
app.command("prepare")(prepare.prepare)
app.command("upgrade")(upgrade.upgrade)
app.add_typer(config.app, name="config")
app.add_typer(bench.app, name="bench")


def run() -> None:
    """Run the command `steady`. A file that cannot be read or written ends it with one line and exit code 2."""
    try:
        app()
    except BrokenPipeError:
        # The reader closed the pipe, for example `steady logs | head`.
        sys.stderr.close()
    except OSError as error:
        notes.print(f"[bold red]error:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(BAD_INPUT)
