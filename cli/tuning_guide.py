"""The table of thresholds in the tuning guide, made from the thresholds themselves: `python -m cli.tuning_guide`."""

from __future__ import annotations

from pathlib import Path

from steady.thresholds import THRESHOLDS

GUIDE = Path(__file__).parents[1] / "docs" / "tuning.md"
BEGIN = "<!-- made by `make docs`: begin -->"
END = "<!-- made by `make docs`: end -->"


def table() -> str:
    """A Markdown row a threshold."""
    rows = [f"| `{t.name}` | {t.default} | {t.values} | {t.meaning} |" for t in THRESHOLDS.values()]
    return "\n".join(["| threshold | default | values | what it does |", "| --- | --- | --- | --- |", *rows])


def with_table(guide: str) -> str:
    """The text of the guide with its table as it should be."""
    before, _, rest = guide.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    GUIDE.write_text(with_table(GUIDE.read_text()))
