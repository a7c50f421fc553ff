"""Write figures into pages of the docs, between two marks that name the command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path


class NoFigures(ValueError):
    """A page lacks the marks between which the figures go."""


def table(columns: Sequence[str], alignment: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table. `alignment` has one entry a column: `---` for words, `---:` for numbers."""
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (columns, alignment, *rows))


def check(page: Path, of: str) -> None:
    """Check that figures of the command `of` can be written into `page`.

    Raises:
        NoFigures: if there is no such file, or it lacks the marks.
    """
    _around(page, of)


def write(page: Path, of: str, text: str) -> None:
    """Write `text` between the marks of `page` that name the command `of`, in place of what was there.

    Raises:
        NoFigures: if there is no such file, or it lacks the marks.
    """
    before, after = _around(page, of)
    page.write_text(f"{before}\n\n{text}\n{after}", encoding="utf-8")


def _around(page: Path, of: str) -> tuple[str, str]:
    """Return what stands before and after the figures of the command `of`, each with its mark."""
    begin, end = f"<!-- figures: made by `{of}` -->", "<!-- end of figures -->"
    try:
        before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "this is no text in UTF-8"
        raise NoFigures(f"--page is {page}: {why}: a Markdown file with the line {begin} is needed") from error
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise NoFigures(f"{page} lacks {begin} or, after it, {end}: add both lines where the figures should be")
    return before + begin, end + after
