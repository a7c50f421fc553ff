"""Write figures into pages of the docs, between two marks that name the command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path


class NoFigures(ValueError):
    """A page lacks the marks between which the figures go."""


def table(columns: Sequence[str], alignment: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table. `alignment` has one entry a column: `---` for words, `---:` for numbers."""
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (columns, alignment, *rows))


def write(page: Path, of: str, text: str) -> None:
    """Write `text` between the marks of `page` that name the command `of`, in place of what was there.

    Raises:
        NoFigures: if `page` lacks the marks.
    """
    begin, end = f"<!-- figures: made by `{of}` -->", "<!-- end of figures -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise NoFigures(f"{page} lacks {begin} or, after it, {end}: add both lines where the figures should be")
    page.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", encoding="utf-8")
