"""Lambda entry: a run of the catalogue, daily from the schedule, or on demand.

{}                       every prefix has its table; nothing is dropped
{"drop_missing": true}   tables without any logs are dropped, too
"""

from __future__ import annotations

import os
from collections.abc import Mapping
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
    """Where logs and tables are, and whether partitions are projected or made."""

    bucket: str
    database: str
    projected: bool = True

    @staticmethod
    def read() -> Catalog:
        return Catalog(os.environ["LOG_BUCKET"], os.environ["LOG_DATABASE"], os.environ["PARTITIONS"] == "projected")


@cache
def runtime() -> Runtime:
    return Runtime()


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:  # noqa: ARG001
    return bring_up_to_date(event, runtime(), Catalog.read())


def bring_up_to_date(event: Mapping[str, Any], runtime: Runtime, catalog: Catalog) -> dict[str, int]:
    """Makes what lacks, mends what differs; a run that ended half way is ended by the next one.

    Returns:
        How many tables were `made`, `updated`, `dropped` and `kept`.
    """
    found = glue.list_prefixes(runtime, catalog.bucket)
    there = glue.list_tables(runtime, catalog.database)
    todo = plan(found, there, projected=catalog.projected, drop_missing=event.get("drop_missing") is True)
    glue.create_tables(runtime, catalog.database, catalog.bucket, todo.to_make)
    glue.update_tables(runtime, catalog.database, catalog.bucket, todo.to_update)
    glue.drop_tables(runtime, catalog.database, todo.to_drop)
    if not catalog.projected:
        today = datetime.fromtimestamp(runtime.now(), UTC).date()
        # Tomorrow's as well: rows are found from the first minute of the day.
        glue.add_partitions(runtime, catalog.database, catalog.bucket, todo.tables, (today, today + timedelta(days=1)))
    done = {
        "made": len(todo.to_make),
        "updated": len(todo.to_update),
        "dropped": len(todo.to_drop),
        "kept": len(todo.kept),
    }
    runtime.telemetry.info("log catalogue is up to date", **done, made_tables=[t.name for t in todo.to_make][:100])
    runtime.telemetry.count(MetricName.LOG_TABLES_MADE, len(todo.to_make))
    return done
