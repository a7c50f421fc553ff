"""The docs say what the code says."""

import doctest
import re
from pathlib import Path

import pytest

from cli import tuning_guide

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
# Each page is read within five minutes. The runbook is not read as a whole: each alarm links to its entry.
MOST_WORDS = 1000
MOST_WORDS_OF_AN_ENTRY = 200


def test_the_tuning_guides_table_is_that_of_the_thresholds() -> None:
    guide = tuning_guide.GUIDE.read_text()

    assert guide == tuning_guide.with_table(guide)
    assert tuning_guide.table() in guide


def test_every_link_within_the_docs_leads_somewhere() -> None:
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            path, _, anchor = target.partition("#")
            if "://" in target:
                continue
            file = page if not path else (page.parent / path).resolve()
            if not file.exists() or (anchor and anchor not in _anchors(file)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")

    assert broken == []


def test_the_readme_lists_every_page() -> None:
    readme = (ROOT / "README.md").read_text()

    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"](docs/{page.name})" not in readme] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_read_within_five_minutes(page: Path) -> None:
    text = _prose(page.read_text())
    parts = text.split("\n## ") if page.name == "runbook.md" else [text]

    most = MOST_WORDS_OF_AN_ENTRY if page.name == "runbook.md" else MOST_WORDS
    assert [part[:40] for part in parts if len(part.split()) > most] == []


# The pages whose examples are run, each with the fewest that it has.
@pytest.mark.parametrize(
    ("page", "at_least"),
    [("scaling.md", 16), ("placement.md", 6), ("spare-capacity.md", 9), ("scale-in.md", 9), ("api-limits.md", 6)],
)
def test_worked_examples_come_out_as_they_are_written(page: str, at_least: int) -> None:
    results = doctest.testfile(str(ROOT / "docs" / page), module_relative=False, report=True)

    assert results.attempted > at_least
    assert results.failed == 0


def test_every_page_with_examples_is_run() -> None:
    shown = {page.name for page in PAGES if ">>> " in page.read_text()}

    assert shown == {"scaling.md", "placement.md", "spare-capacity.md", "scale-in.md", "api-limits.md"}


def _prose(text: str) -> str:
    """`text` without what is made by a command, code blocks, and the frames of tables."""
    text = re.sub(
        r"<!-- (?:figures: )?made by .*?<!-- (?:end of figures|made by `make docs`: end) -->", "", text, flags=re.DOTALL
    )
    text = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^(?: {4}.*|[| :-]+)$|\|", "", text, flags=re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
