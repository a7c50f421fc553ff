"""The table of `steady bench interruption` for each kind of service and each reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cli.bench import figures_page
from simulator.bench.reasons import RECLAIMS

MADE_BY = "steady bench interruption --services all --reason all"
COLUMNS = (
    "reason: services",
    "handling",
    "killed",
    "failed",
    "in service",
    "unavoidable",
    "503s",
    "gap (s)",
    "last stop (s)",
    "promises",
)
WORDS = ("reason: services", "handling", "promises")


def table(figures: Sequence[Mapping[str, Any]]) -> str:
    """Return a Markdown table with one row for each run.

    Columns: tasks killed, failed requests, tasks stopped while they took requests, and how many of each no
    handling avoids; requests that found no target; the longest time of a target group without a target.

    >>> table([])[:20]
    '| reason: services |'
    """
    alignment = tuple("---" if column in WORDS else "---:" for column in COLUMNS)
    return figures_page.table(COLUMNS, alignment, (_row(one) for one in figures))


def _row(of: Mapping[str, Any]) -> tuple[str, ...]:
    unavoidable = [of["killed_unavoidable"], of["failed_unavoidable"], of["stopped_unavoidable"]]
    return (
        f"{shown(of)}: {of['services']}",
        of["handling"],
        f"{of['tasks_killed_in_service']:,}",
        f"{of['failed_requests']:,}",
        f"{of['stopped_in_service']:,}",
        " and ".join(f"{count:,}" for count in unavoidable) if any(unavoidable) else "",
        f"{of['unserved_requests']:,}",
        f"{of['seconds_without_target']:,}",
        f"{of['stopped_s']:,.0f}",
        f"**{len(of['broken'])} not kept**" if of["broken"] else "kept",
    )


def shown(of: Mapping[str, Any]) -> str:
    """Return the reason of a run, on Spot with the room that what moves has."""
    if of["reason"] not in RECLAIMS:
        return str(of["reason"])
    return f"{of['reason']}, {'room' if of['room'] else 'no room'}"
