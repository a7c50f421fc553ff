"""Run a query of Athena and wait for its answer."""

from __future__ import annotations

from dataclasses import dataclass

from steady.aws.runtime import Runtime

# Seconds between two looks at a running query.
POLL_S = 1.0


class QueryFailed(ValueError):
    """Athena refused or cancelled a query. The text gives Athena's reason."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query, and how many bytes it read. Athena bills the bytes read."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    scanned_bytes: int


def run(runtime: Runtime, query: str, database: str, workgroup: str) -> Answer:
    """Run `query`, wait until it has ended, and return its answer.

    Raises:
        QueryFailed: if the query did not succeed, for example because it read more than the workgroup's limit.
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
    # Athena: the first row of the first page holds the names of the columns.
    columns, rows = (lines[0], tuple(lines[1:])) if lines else ((), ())
    return Answer(columns, rows, execution.get("Statistics", {}).get("DataScannedInBytes", 0))
