"""The output of every command: JSON for programs, tables and one-line errors for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

# Progress, notes and errors go to standard error, so that standard output holds only the answer.
notes = Console(stderr=True)
answers = Console()

BAD_INPUT = 2

JsonOption = Annotated[
    str | None, typer.Option("--json", help="Write the answer as JSON to this file; - is standard output.")
]


def fail(message: str, code: int = BAD_INPUT) -> NoReturn:
    """End the command with one line that says what is wrong and what is needed."""
    notes.print(f"[bold red]error:[/] {message}", highlight=False, soft_wrap=True)
    raise typer.Exit(code)


@contextmanager
def one_line_errors(*kinds: type[Exception]) -> Iterator[None]:
    """Turn errors of these kinds into one line and exit code 2. Their texts say what is needed."""
    try:
        yield
    except kinds as error:
        fail(str(error))


def write_json(value: Any, where: str | None) -> None:
    """Write `value` as JSON to the file `where`, or to standard output if it is `-`. None: write nothing."""
    if not where:
        return
    text = json.dumps(value, indent=2) + "\n"
    if where == "-":
        sys.stdout.write(text)
        return
    path = Path(where)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
