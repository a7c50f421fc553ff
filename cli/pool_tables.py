"""Show what each pool of a simulated cluster took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table

from simulator.outcome import Outcome
from simulator.report.pools import COLUMNS, rows


def pool_tables(outcomes: Sequence[Outcome]) -> Iterator[Table]:
    """Yield a table of each cluster with several pools, of all policies."""
    for record in outcomes[0].clusters:
        if found := rows(outcomes, record):
            table = Table(title=f"the pools of cluster {record.name}; Spot at 40 % of the list price")
            for number, name in enumerate(COLUMNS):
                table.add_column(name, justify="left" if number < 3 else "right")
            for cells in found:
                table.add_row(*cells)
            yield table
