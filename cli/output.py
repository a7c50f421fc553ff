"""The output of every command: JSON for programs, tables for people, plain lines in a pipe, one-line errors."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console, RenderableType
from rich.markdown import Markdown
from rich.measure import Measurement
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.segment import Segments
from rich.table import Table
from rich.text import Text

# Progress, notes and errors go to standard error, so that standard output holds only the answer. Texts come from
# operators, files and AWS: "[x]" and ":x:" in them are those characters, and no markup of rich's.
notes = Console(stderr=True, markup=False, emoji=False, highlight=False)
answers = Console(markup=False, emoji=False, highlight=False)

BAD_INPUT = 2
CHECKOUT = "this command needs a checkout of ecs-steady: run it there as .venv/bin/steady, which make demo sets up"
# Wider than any row: off a terminal, a row of a table is one line.
WIDEST = 100_000


def say(*parts: str | tuple[str, str]) -> None:
    """Print a line of the answer. A part is a text, or a text and its style, which is shown on a terminal alone."""
    answers.print(Text.assemble(*parts), soft_wrap=True)


def note(*parts: str | tuple[str, str]) -> None:
    """Print a line to standard error. A part is a text, or a text and its style, which is shown on a terminal alone."""
    notes.print(Text.assemble(*parts), soft_wrap=True)


def one_line(text: str) -> str:
    r"""Return `text` as one line that a terminal can show: what cannot be printed is escaped.

    >>> one_line("no\nsuch [cluster] \x1b[31m")
    'no such [cluster] \\x1b[31m'
    """
    return "".join(
        c if c.isprintable() else " " if c.isspace() else c.encode("unicode_escape").decode() for c in text
    ).strip()


def fail(message: str, code: int = BAD_INPUT, details: Iterable[str] = ()) -> NoReturn:
    """End the command with one line that says what is wrong and what is needed, and with a line for each detail."""
    print_error(message)
    for detail in details:
        note(f"  {one_line(detail)}")
    raise typer.Exit(code)


def print_error(message: str) -> None:
    """Print one line that says what is wrong and what is needed."""
    note(("error:", "bold red"), f" {one_line(message)}")


@contextmanager
def one_line_errors(*kinds: type[Exception]) -> Iterator[None]:
    """Turn errors of these kinds into one line and exit code 2. Their texts say what is needed."""
    try:
        yield
    except kinds as error:
        fail(str(error))


def progress_bars(*columns: ProgressColumn) -> Progress:
    """Return a display of progress on standard error. Where that is no terminal, nothing is shown."""
    usual = (text_column("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*(columns or usual), console=notes, disable=not notes.is_terminal)


def text_column(text_format: str) -> TextColumn:
    """Return a column of a display of progress, whose text is no markup."""
    return TextColumn(text_format, markup=False)


def show_table(table: Table) -> None:
    """Print a table. On a terminal, only columns that may fold (`overflow="fold"`) do; a wide table runs on.

    Off a terminal, the title and each row are one line, without a frame: `steady config show web | grep drift`.
    """
    plain = not answers.is_terminal
    keep_whole(table, folds=not plain)
    widths = Measurement.get(answers, answers.options.update(max_width=WIDEST), table)
    if not plain:
        # As wide as the terminal, or as the narrowest table in which no name or id is cut.
        width = answers.options.update(width=max(answers.width, widths.minimum))
        answers.print(Segments(answers.render(table, width)), soft_wrap=True)
        return
    if table.title:
        say(str(table.title))
    table.title, table.box, table.pad_edge = None, None, False
    rows = "".join(segment.text for segment in answers.render(table, answers.options.update(width=widths.maximum)))
    for row in rows.splitlines():
        say(row.rstrip())


def keep_whole(table: Table, *, folds: bool = True) -> None:
    """Let rich cut no cell of `table`: a column is as wide as its widest one, unless it may fold (`overflow="fold"`).

    Args:
        folds: whether those columns do; if not, they are as the others.
    """
    for column in table.columns:
        column.no_wrap = not folds or column.overflow != "fold"
        if column.no_wrap:
            # Rich takes the longest word for the narrowest width, and cuts the rest of a cell that may not wrap.
            footer = [column.footer] if table.show_footer else []
            column.min_width = max(map(_widest, (column.header, *column.cells, *footer)))


def _widest(cell: RenderableType) -> int:
    return Measurement.get(answers, answers.options.update(max_width=WIDEST), cell).maximum


def show_markdown(text: str) -> None:
    """Print Markdown: laid out on a terminal, and as it is in a pipe or file."""
    if answers.is_terminal:
        answers.print(Markdown(text))
    else:
        say(text)


def check_file(where: str, option: str) -> None:
    """End the command if the file `where` of `option` cannot be written, before any work is done for it."""
    path = Path(where)
    if path.is_dir():
        fail(f"{option} is {where}: this is a folder; a file is needed")
    if not path.parent.is_dir():
        fail(f"{option} is {where}: the folder {path.parent} does not exist; make it (mkdir -p), or name another file")


def check_installed(*packages: str) -> None:
    """Stop the command if one of `packages` is not installed, before any work is done that needs it.

    Raises:
        ModuleNotFoundError: of the first one. `steady` then names the extra that brings it.
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise ModuleNotFoundError(f"{package} is not installed", name=package)


def _json_file(where: str | None) -> str | None:
    if where and where != "-":
        check_file(where, "--json")
    return where


def _report_file(where: Path | None) -> Path | None:
    if where:
        # It draws the charts of the page.
        check_installed("vl_convert")
        check_file(str(where), "--report")
    return where


JsonOption = Annotated[
    str | None,
    typer.Option("--json", callback=_json_file, help="Write the answer as JSON to this file; - is standard output."),
]
ReportOption = Annotated[
    Path | None, typer.Option("--report", callback=_report_file, help="Write an HTML page to this file.")
]


def write_json(value: Any, where: str | None) -> None:
    """Write `value` as JSON to the file `where`, or to standard output if it is `-`. None: write nothing."""
    if not where:
        return
    text = json.dumps(value, indent=2) + "\n"
    if where == "-":
        sys.stdout.write(text)
        return
    Path(where).write_text(text, encoding="utf-8")
