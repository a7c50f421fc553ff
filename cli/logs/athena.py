"""Athena: one query, run to its end, with what it read."""

from __future__ import annotations

from dataclasses import dataclass

from steady.aws.runtime import Runtime

POLL_S = 1.0


class QueryFailed(ValueError):
    """Athena refused or cancelled a query; the text says why, in Athena's words."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query, and how many bytes it read, which is what it costs."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    scanned_bytes: int


def run(runtime: Runtime, query: str, database: str, workgroup: str) -> Answer:
    """Runs `query` and waits for it.

    Raises:
        QueryFailed: if it did not succeed: over the workgroup's scan limit, for one.
    """
    id_ = runtime.athena.start_query_execution(
        QueryString=query, QueryExecutionContext={"Database": database}, WorkGroup=workgroup
    )["QueryExecutionId"]
    while True:
        execution = runtime.athena.get_query_execution(QueryExecutionId=id_)["QueryExecution"]
        status = execution.get("Status", {})
        if status.get("State") == "SUCCEEDED":
            break
        if status.get("State") in ("FAILED", "CANCELLED"):
            raise QueryFailed(f"Athena: {status.get('StateChangeReason', status['State'])}")
        runtime.sleep(POLL_S)
    lines = [
        tuple(cell.get("VarCharValue", "") for cell in row.get("Data", []))
        for page in runtime.athena.get_paginator("get_query_results").paginate(QueryExecutionId=id_)
        for row in page["ResultSet"]["Rows"]
    ]
    # Athena: the first row of the first page is the columns' names.
    columns, rows = (lines[0], tuple(lines[1:])) if lines else ((), ())
    return Answer(columns, rows, execution.get("Statistics", {}).get("DataScannedInBytes", 0))
