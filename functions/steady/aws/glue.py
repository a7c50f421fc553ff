"""Read and change the log catalogue: the prefixes of the logs in S3, and their tables and partitions in Glue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from steady.aws.runtime import Runtime, batches
from steady.catalog import (
    PARTITIONS,
    LogTable,
    Prefix,
    location_of,
    parameters_of,
    partition_path,
    partition_values,
)

if TYPE_CHECKING:
    from mypy_boto3_glue.type_defs import ErrorDetailTypeDef, TableInputTypeDef, TableTypeDef

# Glue: the most tables of one BatchDeleteTable.
TABLES_A_DELETE = 100
# The error codes of a repeated call whose work is done already.
THERE, GONE = "AlreadyExistsException", "EntityNotFoundException"
JSON_SERDE = "org.openx.data.jsonserde.JsonSerDe"


class CatalogRefused(RuntimeError):
    """Glue did only a part of a call; the text names the first failure. The next run repeats it."""


def list_prefixes(runtime: Runtime, bucket: str) -> list[Prefix]:
    """Return the prefix of every family and container that has logs, in one listing for each family."""
    client = runtime.s3
    families = list(_common_prefixes(client, bucket, ""))

    def containers(family: str) -> list[Prefix]:
        return [Prefix.parse(path) for path in _common_prefixes(client, bucket, family)]

    return [prefix for found in runtime.in_parallel(containers, families) for prefix in found]


def _common_prefixes(client: Any, bucket: str, under: str) -> Iterator[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=under, Delimiter="/")
    for page in pages:
        for common in page.get("CommonPrefixes", []):
            yield common["Prefix"]


def list_tables(runtime: Runtime, database: str) -> list[LogTable]:
    """Return the tables of the catalogue that the suite made."""
    pages = runtime.glue.get_paginator("get_tables").paginate(DatabaseName=database)
    found = (_table(described) for page in pages for described in page["TableList"])
    return [table for table in found if table]


def create_tables(runtime: Runtime, database: str, bucket: str, wanted: Sequence[LogTable]) -> None:
    """Create tables. A table that exists already, as after a crash, is updated.

    Raises:
        CatalogRefused: if Glue refused a table; the others are made.
    """
    client = runtime.glue

    def one(table: LogTable) -> None:
        definition = _definition(table, bucket)
        try:
            client.create_table(DatabaseName=database, TableInput=definition)
        except client.exceptions.AlreadyExistsException:
            client.update_table(DatabaseName=database, TableInput=definition)

    _each_apart(runtime, one, wanted)


def update_tables(runtime: Runtime, database: str, bucket: str, wanted: Sequence[LogTable]) -> None:
    """Give existing tables the definitions of `wanted`.

    Raises:
        CatalogRefused: if Glue refused a table; the others are updated.
    """
    client = runtime.glue

    def one(table: LogTable) -> None:
        client.update_table(DatabaseName=database, TableInput=_definition(table, bucket))

    _each_apart(runtime, one, wanted)


def drop_tables(runtime: Runtime, database: str, unwanted: Sequence[LogTable]) -> None:
    """Drop tables; their logs stay.

    Raises:
        CatalogRefused: if a table could not be dropped.
    """
    client = runtime.glue
    for batch in batches([table.name for table in unwanted], TABLES_A_DELETE):
        answer = client.batch_delete_table(DatabaseName=database, TablesToDelete=list(batch))
        _refuse([(error["TableName"], error["ErrorDetail"]) for error in answer.get("Errors", [])], but=GONE)


def add_partitions(
    runtime: Runtime, database: str, bucket: str, wanted: Sequence[LogTable], days: Sequence[date]
) -> None:
    """Create the partitions of `days` (100 at most) where they are not projected. Existing ones are not changed.

    Raises:
        CatalogRefused: if a partition could not be created; those of the other tables are.
    """
    client = runtime.glue

    def one(table: LogTable) -> None:
        location = location_of(table.prefix, bucket)
        answer = client.batch_create_partition(
            DatabaseName=database,
            TableName=table.name,
            PartitionInputList=[
                {
                    "Values": list(partition_values(day)),
                    "StorageDescriptor": _storage(table, f"{location}{partition_path(day)}"),
                }
                for day in days
            ],
        )
        _refuse(
            [("/".join((table.name, *e["PartitionValues"])), e["ErrorDetail"]) for e in answer.get("Errors", [])],
            but=THERE,
        )

    _each_apart(runtime, one, wanted)


def _each_apart(runtime: Runtime, call: Callable[[LogTable], None], tables: Sequence[LogTable]) -> None:
    """Call `call` with each table, also after one was refused; then raise the first refusal."""

    def attempt(table: LogTable) -> str:
        try:
            call(table)
        except CatalogRefused as error:
            return str(error)
        except Exception as error:
            return f"Glue refused {table.name}: {error}; the next run of the log catalogue repeats it"
        return ""

    refused = [text for text in runtime.in_parallel(attempt, tables) if text]
    if refused:
        more = f" ({len(refused)} tables in all)" if len(refused) > 1 else ""
        raise CatalogRefused(f"{refused[0]}{more}")


def _refuse(errors: Iterable[tuple[str, ErrorDetailTypeDef]], *, but: str) -> None:
    said = [f"{name}: {e['ErrorCode']}: {e.get('ErrorMessage', '')}" for name, e in errors if e.get("ErrorCode") != but]
    if said:
        more = f", and {len(said) - 1} more" if len(said) > 1 else ""
        raise CatalogRefused(f"Glue refused {said[0]}{more}; the next run of the log catalogue repeats them")


def _table(described: TableTypeDef) -> LogTable | None:
    parameters = described.get("Parameters", {})
    if "steady.prefix" not in parameters:
        return None
    columns = described["StorageDescriptor"].get("Columns", [])
    return LogTable(
        described["Name"],
        Prefix.parse(parameters["steady.prefix"]),
        tuple((column["Name"], column.get("Type", "string")) for column in columns),
        parameters.get("projection.enabled") == "true",
    )


def _definition(table: LogTable, bucket: str) -> TableInputTypeDef:
    return {
        "Name": table.name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters_of(table, bucket),
        "PartitionKeys": [{"Name": name, "Type": type_} for name, type_ in PARTITIONS],
        "StorageDescriptor": _storage(table, location_of(table.prefix, bucket)),
    }


def _storage(table: LogTable, location: str) -> Any:
    return {
        "Columns": [{"Name": name, "Type": type_} for name, type_ in table.columns],
        "Location": location,
        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
        # A line that is not JSON becomes a row of nulls; the query goes on.
        "SerdeInfo": {"SerializationLibrary": JSON_SERDE, "Parameters": {"ignore.malformed.json": "true"}},
    }
