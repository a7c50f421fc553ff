"""Options that several commands of `steady bench` share, and how their figures get into a page of the docs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cli.bench import figures_page
from cli.output import one_line_errors
from steady.pools import PoolKind

# The exit code of a command that measures a broken promise.
BROKEN = 1
CORES = os.cpu_count() or 1

SeedOption = Annotated[int, typer.Option(help="The random seed. Runs with the same seed are identical.")]
AtOnceOption = Annotated[int, typer.Option(min=1, help="How many simulations run at the same time.")]
PoolOption = Annotated[
    PoolKind, typer.Option(help="The pool: a Spot Fleet, or an Auto Scaling group of Spot Instances.")
]
PageOption = Annotated[
    Path | None, typer.Option("--page", help="Write the figures into this Markdown file, between the command's marks.")
]


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
