"""The log catalogue on S3 and Glue: the talk's query over the tables as they are described gives exactly the rows."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from botocore.exceptions import ClientError

from log_catalog.handler import Catalog, bring_up_to_date
from steady.aws.glue import CatalogRefused
from steady.aws.runtime import Runtime

BUCKET, DATABASE = "our-container-lines", "steady_logs"
# facts.md, section 1: the talk's query, as it stands.
QUERY = (
    'select time, log from "my_awesome_app_app" where year = 2018 and month = 11 and day = 28 '
    "and log like '%ERROR%' order by time"
)
Line = tuple[str, str]


class Logs:
    """S3 with generated log objects, and the catalogue over it, as DuckDB reads what Glue says."""

    def __init__(self, runtime: Runtime, folder: Path) -> None:
        self.runtime = runtime
        self.folder = folder
        self.number = 0
        self.calls: Counter[str] = Counter()
        runtime.s3.create_bucket(Bucket=BUCKET)
        runtime.glue.create_database(DatabaseInput={"Name": DATABASE})
        for client in (runtime.s3, runtime.glue):
            client.meta.events.register("before-call", self._count)

    def _count(self, model: Any, **_: Any) -> None:
        self.calls[model.name] += 1

    def ship(self, family: str, container: str, day: str, lines: Sequence[Line | str], hour: int = 9) -> None:
        """What an aggregator writes: gzip, a JSON object a line (a text is written as it is)."""
        year, month, day_ = day.split("-")
        self.number += 1
        written = [line if isinstance(line, str) else json.dumps({"time": line[0], "log": line[1]}) for line in lines]
        self.runtime.s3.put_object(
            Bucket=BUCKET,
            Key=f"{family}/{container}/year={year}/month={month}/day={day_}/{hour:02}-0-{self.number}.json.gz",
            Body=gzip.compress("\n".join(written).encode()),
        )

    def catalog(self, projected: bool = True, **event: Any) -> dict[str, int]:
        return bring_up_to_date(event, self.runtime, Catalog(BUCKET, DATABASE, projected))

    def query(self, text: str = QUERY) -> list[Any]:
        """The rows of `text` over every table of the catalogue: its location, columns and partitions."""
        self._download()
        database = duckdb.connect()
        for table in self.runtime.glue.get_tables(DatabaseName=DATABASE)["TableList"]:
            self._define(database, table)
        return database.execute(text).fetchall()

    def _download(self) -> None:
        for stored in self.runtime.s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            file = self.folder / stored["Key"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(self.runtime.s3.get_object(Bucket=BUCKET, Key=stored["Key"])["Body"].read())

    def _define(self, database: duckdb.DuckDBPyConnection, table: Any) -> None:
        parameters = table["Parameters"]
        keys = {key["Name"]: key["Type"] for key in table["PartitionKeys"]}
        columns = {c["Name"]: "VARCHAR" for c in table["StorageDescriptor"]["Columns"]}
        location = table["StorageDescriptor"]["Location"]
        if parameters.get("projection.enabled") == "true":
            template = parameters["storage.location.template"]
            assert template.startswith(location)
            for key in keys:
                template = template.replace(f"${{{key}}}", "*")
            places = [template]
        else:
            partitions = self.runtime.glue.get_partitions(DatabaseName=DATABASE, TableName=table["Name"])["Partitions"]
            places = [partition["StorageDescriptor"]["Location"] for partition in partitions]
        globs = [f"{place.removeprefix(f's3://{BUCKET}/')}*.json.gz" for place in places]
        # A partition may have no log yet.
        files = [str(file) for glob in globs for file in sorted(self.folder.glob(glob))]
        hive = ", ".join(f"'{name}': INTEGER" for name in keys)
        source = (
            f"read_json({files!r}, columns = {columns!r}, format = 'newline_delimited', ignore_errors = true, "
            f"hive_partitioning = true, hive_types = {{{hive}}})"
        )
        if files:
            # Athena leaves a line that is no JSON empty: no condition on its fields holds for it.
            database.execute(f'create view "{table["Name"]}" as select * from {source}')
        else:
            fields = ", ".join([*(f"{c} VARCHAR" for c in columns), *(f"{k} INTEGER" for k in keys)])
            database.execute(f'create table "{table["Name"]}" ({fields})')


@pytest.fixture
def logs(runtime: Runtime, tmp_path: Path) -> Logs:
    return Logs(runtime, tmp_path)


DAY = [
    ("2018-11-28T09:00:02Z", "ERROR second"),
    ("2018-11-28T09:00:01Z", "ERROR first"),
    ("2018-11-28T09:00:03Z", "fine"),
]
ROWS = [("2018-11-28T09:00:01Z", "ERROR first"), ("2018-11-28T09:00:02Z", "ERROR second")]


def test_the_talks_query_gives_exactly_the_rows_in_their_order(logs: Logs) -> None:
    logs.ship("my-awesome-app", "app", "2018-11-28", DAY[:2])
    logs.ship("my-awesome-app", "app", "2018-11-28", DAY[2:], hour=10)
    logs.ship("my-awesome-app", "app", "2018-11-27", [("2018-11-27T09:00:00Z", "ERROR of another day")])
    logs.ship("my-awesome-app", "fluentd", "2018-11-28", [("2018-11-28T09:00:00Z", "ERROR of a sidecar")])

    assert logs.catalog() == {"made": 2, "updated": 0, "dropped": 0, "kept": 0}

    assert logs.query() == ROWS


def test_rows_of_a_day_that_comes_later_are_found_without_another_run(logs: Logs) -> None:
    logs.ship("my-awesome-app", "app", "2018-11-27", [("2018-11-27T09:00:00Z", "fine")])
    logs.catalog()
    assert logs.query() == [], "an empty day"

    logs.ship("my-awesome-app", "app", "2018-11-28", DAY)

    assert logs.query() == ROWS


def test_a_family_that_is_added_later_has_its_table_after_the_next_run(logs: Logs) -> None:
    logs.ship("other", "app", "2018-11-28", DAY)
    logs.catalog()
    logs.ship("my-awesome-app", "app", "2018-11-28", DAY)

    assert logs.catalog() == {"made": 1, "updated": 0, "dropped": 0, "kept": 1}
    assert logs.query() == ROWS


def test_a_query_goes_across_days(logs: Logs) -> None:
    for day in ("2018-11-30", "2018-12-01"):
        logs.ship("my-awesome-app", "app", day, [(f"{day}T09:00:00Z", f"ERROR {day}")])
    logs.catalog()

    rows = logs.query('select log from "my_awesome_app_app" where year = 2018 and month >= 11 order by time')

    assert rows == [("ERROR 2018-11-30",), ("ERROR 2018-12-01",)]


def test_a_broken_line_is_skipped_and_can_be_counted(logs: Logs) -> None:
    logs.ship("my-awesome-app", "app", "2018-11-28", [DAY[0], '{"time": "2018-11-28T09:00', DAY[1]])
    logs.catalog()

    assert logs.query() == ROWS
    broken = logs.query('select count(*) from "my_awesome_app_app" where day = 28 and log is null')
    assert broken == [(1,)]


def test_a_field_that_is_new_does_not_break_old_days(logs: Logs) -> None:
    logs.ship("my-awesome-app", "app", "2018-11-28", DAY)
    logs.ship("my-awesome-app", "app", "2018-11-29", ['{"time": "t", "log": "l", "trace_id": "x", "task_arn": "arn"}'])
    logs.catalog()

    assert logs.query() == ROWS
    assert logs.query('select task_arn from "my_awesome_app_app" order by day') == [(None,)] * 3 + [("arn",)]


def test_partitions_are_made_for_today_and_tomorrow_where_that_is_chosen(logs: Logs) -> None:
    logs.runtime.now = lambda: 1543363200.0  # 2018-11-28
    logs.ship("my-awesome-app", "app", "2018-11-28", DAY)

    logs.catalog(projected=False)
    logs.catalog(projected=False)

    assert logs.query() == ROWS
    partitions = logs.runtime.glue.get_partitions(DatabaseName=DATABASE, TableName="my_awesome_app_app")["Partitions"]
    assert sorted(p["Values"] for p in partitions) == [["2018", "11", "28"], ["2018", "11", "29"]]


def test_a_run_that_changes_nothing_writes_nothing(logs: Logs) -> None:
    logs.ship("my-awesome-app", "app", "2018-11-28", DAY)
    logs.catalog()
    logs.calls.clear()

    assert logs.catalog() == {"made": 0, "updated": 0, "dropped": 0, "kept": 1}
    assert set(logs.calls) == {"ListObjectsV2", "GetTables"}


def test_tables_without_logs_are_dropped_only_when_it_is_told(logs: Logs) -> None:
    logs.ship("my-awesome-app", "app", "2018-11-28", DAY)
    logs.catalog()
    for stored in logs.runtime.s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        logs.runtime.s3.delete_object(Bucket=BUCKET, Key=stored["Key"])

    assert logs.catalog()["dropped"] == 0
    assert logs.catalog(drop_missing="yes")["dropped"] == 0
    assert logs.catalog(drop_missing=True)["dropped"] == 1
    assert logs.runtime.glue.get_tables(DatabaseName=DATABASE)["TableList"] == []


def test_a_table_of_others_is_left_alone(logs: Logs) -> None:
    logs.runtime.glue.create_table(DatabaseName=DATABASE, TableInput={"Name": "theirs"})

    assert logs.catalog(drop_missing=True) == {"made": 0, "updated": 0, "dropped": 0, "kept": 0}


@pytest.mark.parametrize("when", ["before-call", "after-call"])
def test_a_run_that_crashed_at_any_call_is_ended_by_the_next(logs: Logs, when: str) -> None:
    for number in range(4):
        logs.ship(f"family-{number}", "app", "2018-11-28", DAY)
    crashes = _crashing(logs, limit=40, when=when)

    while True:
        try:
            logs.catalog()
            break
        except (ClientError, CatalogRefused):
            continue

    assert crashes() > 5
    tables = logs.runtime.glue.get_tables(DatabaseName=DATABASE)["TableList"]
    assert sorted(t["Name"] for t in tables) == [f"family_{n}_app" for n in range(4)]


def _crashing(logs: Logs, limit: int, when: str) -> Callable[[], int]:
    """Each run ends one call later than the one before, before it or after; returns how many runs ended so."""
    state = {"run": 0, "call": 0}

    def crash(**_: Any) -> None:
        state["call"] += 1
        if state["run"] < limit and state["call"] > state["run"]:
            state["run"] += 1
            state["call"] = 0
            raise ClientError({"Error": {"Code": "Crash", "Message": "the function ended here"}}, "Any")

    for client in (logs.runtime.s3, logs.runtime.glue):
        client.meta.events.register(when, crash)
    return lambda: state["run"]


def test_what_glue_refuses_of_a_batch_is_said(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.ship("my-awesome-app", "app", "2018-11-28", DAY)
    logs.catalog()
    refused = {"ErrorDetail": {"ErrorCode": "InternalServiceException", "ErrorMessage": "try again"}}
    partition = {"Errors": [{"PartitionValues": ["2018", "11", "28"], **refused}]}
    monkeypatch.setattr(logs.runtime.glue, "batch_create_partition", lambda **_: partition)
    table = {"Errors": [{"TableName": "my_awesome_app_app", **refused}]}
    monkeypatch.setattr(logs.runtime.glue, "batch_delete_table", lambda **_: table)

    with pytest.raises(CatalogRefused, match=r"my_awesome_app_app/2018/11/28: InternalServiceException: try again"):
        logs.catalog(projected=False)
    for stored in logs.runtime.s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        logs.runtime.s3.delete_object(Bucket=BUCKET, Key=stored["Key"])
    with pytest.raises(CatalogRefused, match=r"my_awesome_app_app: InternalServiceException"):
        logs.catalog(drop_missing=True)


def test_1200_tables_are_made_in_one_run_whose_calls_grow_with_families_not_with_objects(logs: Logs) -> None:
    for number in range(1100):
        for container in ("app", "envoy")[: 1 + (number < 100)]:
            for hour in range(1 + (number < 10)):
                logs.ship(f"family-{number:04}", container, "2018-11-28", DAY, hour=hour)
    logs.calls.clear()

    assert logs.catalog()["made"] == 1200

    # 1,000 families a page, and a listing a family.
    assert logs.calls == {"ListObjectsV2": 2 + 1100, "GetTables": 1, "CreateTable": 1200}


def test_a_table_that_glue_refuses_keeps_no_other_from_being_made(logs: Logs) -> None:
    for family in ("a", "b", "c", "d"):
        logs.ship(family, "app", "2018-11-28", [("2018-11-28T09:00:00", "line")])

    def refuse(params: dict[str, Any], **_: Any) -> None:
        if b"b_app" in params["body"]:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "CreateTable")

    logs.runtime.glue.meta.events.register("before-call.glue.CreateTable", refuse)

    with pytest.raises(CatalogRefused, match="b_app"):
        logs.catalog(projected=False)

    made = logs.runtime.glue.get_tables(DatabaseName=DATABASE)["TableList"]
    assert [table["Name"] for table in made] == ["a_app", "c_app", "d_app"]
