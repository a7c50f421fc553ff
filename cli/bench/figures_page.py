"""Pages of the docs whose figures stand between two marks, as a command has made them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path


class NoFigures(ValueError):
    """A page has no place for the figures."""


def table(columns: Sequence[str], alignment: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; `alignment` is `---` for a column of words, `---:` for one of numbers."""
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (columns, alignment, *rows))


def write(page: Path, of: str, text: str) -> None:
    """Puts `text` between the marks of `page` that name `of`, the command that made it.

    Raises:
        NoFigures: if the marks are not there.
    """
    begin, end = f"<!-- figures: made by `{of}` -->", "<!-- end of figures -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise NoFigures(f"{page} lacks {begin} or, after it, {end}: put both where the figures are to be")
    page.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", encoding="utf-8")
