"""Write the table of thresholds into the tuning guide, from the thresholds: `python -m cli.tuning_guide`."""

from __future__ import annotations

from pathlib import Path

from steady.thresholds import THRESHOLDS

GUIDE = Path(__file__).parents[1] / "docs" / "tuning.md"
BEGIN = "<!-- made by `make docs`: begin -->"
END = "<!-- made by `make docs`: end -->"


def table() -> str:
    """Return the Markdown table, with a row for each threshold."""
    rows = [f"| `{t.name}` | {t.default} | {t.values} | {t.meaning} |" for t in THRESHOLDS.values()]
    return "\n".join(["| threshold | default | values | what it does |", "| --- | --- | --- | --- |", *rows])


def with_table(guide: str) -> str:
    """Return the text of the guide with its table replaced."""
    before, _, rest = guide.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    GUIDE.write_text(with_table(GUIDE.read_text()))
