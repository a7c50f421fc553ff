"""Options that several commands of `steady bench` share, and how their figures get into a page of the docs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import typer
from rich.table import Table

from cli.bench import figures_page
from cli.bench.cold_start import FUNCTIONS
from cli.output import CHECKOUT, fail, one_line_errors, show_markdown, show_table, write_json
from simulator.wording import counted
from steady.pools import PoolKind

# The exit code of a command that measures a broken promise.
BROKEN = 1
CORES = os.cpu_count() or 1

SeedOption = Annotated[int, typer.Option(help="The random seed. Runs with the same seed are identical.")]
AtOnceOption = Annotated[int, typer.Option(min=1, help="How many simulations run at the same time.")]
PoolOption = Annotated[
    PoolKind, typer.Option(help="The pool: a Spot Fleet, or an Auto Scaling group of Spot Instances.")
]
TracesOption = Annotated[Path, typer.Option("--traces", help="The folder of the trace files.")]
WorkloadOption = Annotated[list[str], typer.Option(help="Run only workloads with this text in their name; repeatable.")]
SpotPercentOption = Annotated[
    float,
    typer.Option(
        "--spot-percent", min=0, max=100, help="What Spot is taken to cost, in percent of the on-demand list price."
    ),
]
CasesOption = Annotated[int, typer.Option(min=1, help="The number of random cases.")]
SearchOption = Annotated[float, typer.Option(min=0.1, help="Seconds of the search in each case.")]
PageOption = Annotated[
    Path | None, typer.Option("--page", help="Write the figures into this Markdown file, between the command's marks.")
]


def check_checkout() -> None:
    """End the command, before anything is measured, where the functions' folder is missing: it is measured itself."""
    if not FUNCTIONS.is_dir():
        fail(CHECKOUT)


def check_page(page: Path | None, made_by: str) -> None:
    """End the command, before anything is measured, if its figures cannot be written into `page`."""
    if page:
        with one_line_errors(figures_page.NoFigures):
            figures_page.check(page, made_by)


def write_figures(page: Path | None, made_by: str, text: str) -> None:
    """Write `text` into `page` between the marks of the command `made_by`. None: write nothing."""
    if page:
        with one_line_errors(figures_page.NoFigures):
            figures_page.write(page, made_by, text)


def publish(figures: Any, text: str, made_by: str, page: Path | None, json_: str | None) -> None:
    """Write the figures of the command `made_by` where its options say, and show `text` unless JSON is the answer.

    Args:
        figures: what `--json` writes.
        text: the same as Markdown, for `--page` and for people.
    """
    write_figures(page, made_by, text)
    write_json(figures, json_)
    if json_ != "-":
        show_markdown(text)


def show_cases(figures: Mapping[str, float], cases: int, json_: str | None) -> None:
    """Write the figures of so many random cases where `--json` says, and show them unless JSON is the answer."""
    write_json(figures, json_)
    if json_ != "-":
        table = Table("", "", title=counted(cases, "random case"))
        for name, value in figures.items():
            table.add_row(name, f"{value:,}")
        show_table(table)


def end_if_broken(broken: Iterable[str], words: str = "promises are not kept:") -> None:
    """End the command with exit code 1, and a line for each of the broken promises, if there is one."""
    if lines := list(broken):
        fail(words, BROKEN, lines)


class Named(Protocol):
    """What `--workload` chooses by its name."""

    @property
    def name(self) -> str: ...


Workload = TypeVar("Workload", bound=Named)


def chosen_workloads(parts: Sequence[str], among: Sequence[Workload]) -> list[Workload]:
    """Return those of `among` with one of `parts` in their names, or all. Where there is none, end the command."""
    chosen = [w for w in among if not parts or any(part in w.name for part in parts)]
    if not chosen:
        known = "; ".join(w.name for w in among)
        fail(f"--workload is {', '.join(parts)}, which is in no workload's name: a part of one of {known} is needed")
    return chosen
