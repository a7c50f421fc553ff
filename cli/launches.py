"""The requests of the launch queue that wait in a cluster, as `steady explain` shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from steady.aws import queued_runs
from steady.aws.runtime import Runtime
from steady.queued_run import QueuedRun, in_order

# More rows than these are no help at a terminal; `--json` has all of them.
MOST_ROWS = 20


def waiting_launches(runtime: Runtime, table: str, cluster: str) -> list[dict[str, Any]]:
    """Return the requests that wait in `cluster`, in the order in which they are tried.

    Args:
        table: that of the launch queue; "": there is no launch queue.
    """
    if not table:
        return []
    now = runtime.now()
    return [_launch(run, now) for run in in_order(queued_runs.waiting(runtime, table, cluster), now)]


def _launch(run: QueuedRun, now: float) -> dict[str, Any]:
    return {
        "id": run.id,
        "started_by": run.call.get("startedBy", ""),
        "task_definition": run.request["taskDefinition"],
        "count": run.count,
        "started": len(run.tasks),
        "all_or_nothing": run.all_or_nothing,
        "priority": run.priority,
        "since": _time(run.sent_at),
        "waits_s": round(now - run.sent_at),
        "reason": run.reason,
        "given_up_at": _time(run.given_up_at),
    }


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def launches_table(launches: list[Mapping[str, Any]]) -> Table:
    """Return the table of the requests that wait, of what `waiting_launches` returns."""
    table = Table(show_footer=len(launches) > MOST_ROWS)
    table.add_column("launch", footer=f"and {len(launches) - MOST_ROWS} more")
    for name in ("runs", "priority", "waits (s)", "for", "given up at"):
        table.add_column(name, justify="right" if name in ("priority", "waits (s)") else "left")
    for one in launches[:MOST_ROWS]:
        asks = f"{one['count'] - one['started']} of {one['count']} x {one['task_definition']}"
        asks += ", all or nothing" if one["all_or_nothing"] else ""
        reason = one["reason"] or "its turn"
        table.add_row(one["id"], asks, str(one["priority"]), str(one["waits_s"]), reason, one["given_up_at"])
    return table
