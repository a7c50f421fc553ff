"""The table of `steady bench interruption --peers`: one reclaim of a whole fleet, as each tool handles it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cli.bench import figures_page

MADE_BY = "steady bench interruption --peers"
# The figures that are the same on every machine, with their words.
ROWS: Mapping[str, str] = {
    "deregistered_s": "targets deregistered after (s)",
    "stopped_s": "tasks stopped after (s)",
    "tasks_killed_in_service": "tasks killed in service",
    "failed_requests": "failed requests",
    "unserved_requests": "requests without a target (503)",
    "api_calls_total": "API calls",
}


def table(figures: Sequence[Mapping[str, Any]]) -> str:
    """Return a Markdown table with one column for each handling.

    >>> table([{**dict.fromkeys(ROWS, 1000), "handling": "steady"}]).splitlines()[-1]
    '| API calls | 1,000 |'
    """
    rows = [(words, *(f"{one[name]:,}" for one in figures)) for name, words in ROWS.items()]
    return figures_page.table(("", *(one["handling"] for one in figures)), ("---", *("---:" for _ in figures)), rows)
