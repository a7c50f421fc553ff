"""Lambda entry: run the log catalogue, daily by the schedule, or on demand.

The event {} makes and updates tables and drops none. {"drop_missing": true} also drops tables without any logs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from steady.aws import glue
from steady.aws.runtime import Runtime
from steady.catalog import plan
from steady.metrics import MetricName

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True, slots=True)
class Catalog:
    """The bucket of the logs, the database of the tables, and whether partitions are projected or made."""

    bucket: str
    database: str
    projected: bool = True

    @staticmethod
    def read() -> Catalog:
        """Read the environment variables."""
        return Catalog(os.environ["LOG_BUCKET"], os.environ["LOG_DATABASE"], os.environ["PARTITIONS"] == "projected")


@cache
def runtime() -> Runtime:
    """Make the runtime of this process."""
    return Runtime()


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:  # noqa: ARG001
    """Handle the event of the schedule, or of an invocation by hand."""
    return bring_up_to_date(event, runtime(), Catalog.read())


def bring_up_to_date(event: Mapping[str, Any], runtime: Runtime, catalog: Catalog) -> dict[str, int]:
    """Make missing tables and update those that differ. The next run finishes a run that was interrupted.

    Args:
        event: `drop_missing` true drops the tables without any logs.

    Returns:
        How many tables were `made`, `updated`, `dropped` and `kept`.

    Raises:
        CatalogRefused: if Glue refused a table. All others are up to date then.
    """
    found = glue.list_prefixes(runtime, catalog.bucket)
    there = glue.list_tables(runtime, catalog.database)
    todo = plan(found, there, projected=catalog.projected, drop_missing=event.get("drop_missing") is True)
    database, bucket = catalog.database, catalog.bucket
    steps: list[Callable[[], None]] = [
        lambda: glue.create_tables(runtime, database, bucket, todo.to_make),
        lambda: glue.update_tables(runtime, database, bucket, todo.to_update),
        lambda: glue.drop_tables(runtime, database, todo.to_drop),
    ]
    if not catalog.projected:
        today = datetime.fromtimestamp(runtime.now(), UTC).date()
        # Tomorrow's partition too: its rows are found from the first minute of the day.
        days = (today, today + timedelta(days=1))
        steps.append(lambda: glue.add_partitions(runtime, database, bucket, todo.tables, days))
    refused = []
    for step in steps:
        try:
            step()
        except glue.CatalogRefused as error:
            refused.append(error)
    # What was refused is no reason to leave the other tables as they are. The error is the function's alarm.
    if refused:
        raise refused[0]
    done = {
        "made": len(todo.to_make),
        "updated": len(todo.to_update),
        "dropped": len(todo.to_drop),
        "kept": len(todo.kept),
    }
    runtime.telemetry.info(
        f"database {catalog.database}: log catalogue is up to date: {done['made']} tables made, "
        f"{done['updated']} updated, {done['dropped']} dropped, {done['kept']} unchanged",
        **done,
        made_tables=[t.name for t in todo.to_make][:100],
    )
    runtime.telemetry.count(MetricName.LOG_TABLES_MADE, len(todo.to_make))
    return done
