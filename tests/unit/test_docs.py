"""The docs say what the code says."""

import doctest
import re
from pathlib import Path

from cli import tuning_guide

ROOT = Path(__file__).parents[2]


def test_the_tuning_guides_table_is_that_of_the_thresholds() -> None:
    guide = tuning_guide.GUIDE.read_text()

    assert guide == tuning_guide.with_table(guide)
    assert tuning_guide.table() in guide


def test_every_link_within_the_docs_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text())]

    assert links
    assert [(str(page), link) for page, link in links if not (page.parent / link).exists()] == []


def test_the_worked_examples_of_scaling_come_out_as_they_are_written() -> None:
    results = doctest.testfile(str(ROOT / "docs/scaling.md"), module_relative=False, report=True)

    assert results.attempted > 20
    assert results.failed == 0
