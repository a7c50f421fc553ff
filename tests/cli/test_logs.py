"""`steady logs`: lines, the bytes that were read, and their cost."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
import requests
from typer.testing import CliRunner

from cli.main import app
from log_catalog.handler import Catalog, bring_up_to_date
from steady.aws.runtime import Runtime
from steady.names import DATABASE, WORKGROUP

BUCKET = "our-container-lines"
ROWS = [("time", "log"), ("2026-01-01T00:00:00Z", "ERROR [one]"), ("2026-01-01T00:00:01Z", "ERROR two")]


@pytest.fixture
def account(aws: boto3.Session) -> boto3.Session:
    """A catalogue with one table, and Athena with an answer in store."""
    aws.client("s3").create_bucket(Bucket=BUCKET)
    aws.client("s3").put_object(Bucket=BUCKET, Key="my-app/app/year=2026/month=01/day=01/00-0-1.json.gz", Body=b"")
    aws.client("glue").create_database(DatabaseInput={"Name": DATABASE})
    aws.client("athena").create_work_group(Name=WORKGROUP, Configuration={})
    bring_up_to_date({}, Runtime(session=aws), Catalog(BUCKET, DATABASE))
    rows = [{"Data": [{"VarCharValue": cell} for cell in row]} for row in ROWS]
    stored = {"rows": rows, "column_info": []}
    requests.post(
        "http://motoapi.amazonaws.com/moto-api/static/athena/query-results", json={"results": [stored]}, timeout=5
    )
    return aws


def logs(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["logs", *arguments])


def test_lines_are_shown_as_they_are_with_what_they_cost(account: boto3.Session) -> None:
    done = logs("my-app", "app", "--since", "2h", "--like", "ERROR")

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == ["2026-01-01T00:00:00Z ERROR [one]", "2026-01-01T00:00:01Z ERROR two"]
    assert "2 lines; Athena read " in done.stderr
    assert "at 5 a TB" in " ".join(done.stderr.split())


def test_programs_get_the_query_and_its_figures(account: boto3.Session) -> None:
    answer = json.loads(logs("my-app", "app", "--like", "ERROR", "--json", "-").stdout)

    assert answer["lines"][1] == {"time": "2026-01-01T00:00:01Z", "log": "ERROR two"}
    assert 'from "my_app_app" where' in answer["query"]
    assert {"scanned_bytes", "cost"} <= set(answer)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["my-ap", "app"], "no logs of my-ap app; there are logs of my-app app"),
        (["my-app", "app", "--since", "yesterday"], '--since is "yesterday": a span such as 30m, 2h or 7d is needed'),
    ],
)
def test_what_is_not_there_is_one_line_with_the_way_out(
    account: boto3.Session, arguments: list[str], what: str
) -> None:
    done = logs(*arguments)

    assert done.exit_code == 2
    assert what in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_where_there_is_no_catalogue_that_is_said(aws: boto3.Session) -> None:
    done = logs("my-app", "app")

    assert done.exit_code == 2
    assert "there is no catalogue steady_logs in this account and Region: deploy the logs here" in done.stderr
