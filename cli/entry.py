"""How `steady` begins and ends: its guide, its version, and one line for whatever is wrong."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from cli.output import BAD_INPUT, CHECKOUT, print_error, say

# A process that SIGINT ends has this exit code in a shell (POSIX: 128 and the number of the signal).
INTERRUPTED = 130
# What a package that `pipx install` leaves out is for (pyproject.toml has the extras), and how to get it.
SIMULATE = (
    "the simulated account or its report needs it: install the extra simulate, in a checkout of ecs-steady, with "
    "pipx install --force '.[simulate]'"
)
LEFT_OUT = {"moto": SIMULATE, "vl_convert": SIMULATE, "aws_cdk": CHECKOUT, "constructs": CHECKOUT, "jsii": CHECKOUT}
# What `steady` alone prints: what a newcomer can do without an account, and what an operator asks most.
GUIDE = """\
steady looks after Amazon ECS clusters on EC2.

Without an AWS account:
  steady demo                          a simulated day, and its report in build/demo
  steady simulate --jobs jobs.csv      your own work on a simulated cluster
  steady bench interruption --peers    100 Spot instances are reclaimed; what each tool loses

On your account (--profile and --region as for the AWS CLI):
  steady clusters                      the managed clusters
  steady doctor CLUSTER                what does not fit in the cluster
  steady explain CLUSTER               what would be decided now, and why
  steady watch CLUSTER                 the same, live, with the last decisions
  steady config show CLUSTER           every threshold, and where it comes from
  steady drain INSTANCE                empty an instance by hand

All commands: steady --help    One command: steady COMMAND --help
"""


class OneLineGroup(TyperGroup):
    """Commands whose errors are one line: what is wrong, and what is needed. Exit code 2; 130 after Ctrl-C."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command that `args` name. In standalone mode, leave with its exit code."""
        given = (args, prog_name, complete_var)
        if not standalone_mode:
            return super().main(*given, False, windows_expand_args, **extra)
        try:
            sys.exit(super().main(*given, False, windows_expand_args, **extra) or 0)
        except typer.TyperException as error:
            _end_with_usage(error)
        except (typer.Abort, KeyboardInterrupt):
            sys.exit(INTERRUPTED)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package not in LEFT_OUT:
                raise
            print_error(f"{package} is not installed: {LEFT_OUT[package]}")
            sys.exit(BAD_INPUT)
        except OSError as error:
            if error.errno != errno.EPIPE:
                print_error(f"{error.filename}: {error.strerror}" if error.filename else str(error))
                sys.exit(BAD_INPUT)
            # The reader closed the pipe, for example `steady logs | head`. What is left to flush has nowhere to go.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)


def _end_with_usage(error: typer.TyperException) -> NoReturn:
    """End with one line that says what is wrong with the arguments, and where what they may be is listed."""
    context = getattr(error, "ctx", None)
    message = error.format_message().replace("Value error, ", "").rstrip(".")
    # Typer exports no name for it. The message is the help, unless that is printed already.
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.format_message(), nl=bool(message))
        sys.exit(error.exit_code)
    given = error.__cause__
    value = str(given.errors()[0]["input"]) if isinstance(given, ValidationError) else ""
    shown = f' (it is "{value}")' if value and value not in message else ""
    where = f"{context.command_path if context else 'steady'} --help lists what it takes"
    # A suggestion is a question: "Did you mean 'logs'?"
    print_error(f"{message}{shown}{' ' if message.endswith('?') else ': '}{where}")
    sys.exit(error.exit_code)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"steady {version('ecs-steady')}")
        raise typer.Exit


def begin(
    context: typer.Context,
    version_: Annotated[  # noqa: ARG001 - its callback prints it
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Inspect, configure, drain and simulate Amazon ECS clusters on EC2, and report what they cost."""
    if context.invoked_subcommand is None:
        say(GUIDE.rstrip())
