"""Write the tables of costs into docs/cost.md, from the templates: `python -m cli.cost_page`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from cli.cost.bill import bill_of
from cli.cost.command import cells, synthesized

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "cost.md"
BEGIN = "<!-- made by `make docs`: {} begin -->"
END = "<!-- made by `make docs`: {} end -->"


def lean_of(page: str) -> dict[str, Any]:
    """Return the context of the smallest deployment: the page's own example."""
    [example] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    found: dict[str, Any] = json.loads(f"{{{example}}}")
    return found


def with_tables(page: str) -> str:
    """Return the text of the page with its tables replaced."""
    example = json.loads((ROOT / "cdk.json").read_text())["context"]
    for name, context in (
        ("example", example),
        ("lean", {**example, "environments": None, "env": None, **lean_of(page)}),
    ):
        rows = cells(bill_of(synthesized({key: value for key, value in context.items() if value is not None})))
        table = ["| what | units a month | USD at list price | USD, less what is free |", "| --- | --- | --- | --- |"]
        table += [f"| {' | '.join(row)} |" for row in rows]
        before, _, rest = page.partition(BEGIN.format(name))
        _, _, after = rest.partition(END.format(name))
        page = "\n".join([before + BEGIN.format(name), *table, END.format(name) + after])
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
