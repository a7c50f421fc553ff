"""The docs say what the code says."""

import doctest
import re
from pathlib import Path

import pytest

from cli import tuning_guide

ROOT = Path(__file__).parents[2]


def test_the_tuning_guides_table_is_that_of_the_thresholds() -> None:
    guide = tuning_guide.GUIDE.read_text()

    assert guide == tuning_guide.with_table(guide)
    assert tuning_guide.table() in guide


def test_every_link_within_the_docs_leads_somewhere() -> None:
    broken = []
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            path, _, anchor = target.partition("#")
            if "://" in target:
                continue
            file = page if not path else (page.parent / path).resolve()
            if not file.exists() or (anchor and anchor not in _anchors(file)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")

    assert broken == []


@pytest.mark.parametrize(("page", "at_least"), [("scaling.md", 20), ("api-limits.md", 6)])
def test_worked_examples_come_out_as_they_are_written(page: str, at_least: int) -> None:
    results = doctest.testfile(str(ROOT / "docs" / page), module_relative=False, report=True)

    assert results.attempted > at_least
    assert results.failed == 0


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
