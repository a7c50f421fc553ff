"""The AWS account that a command works on: `--profile` and `--region`, as for other AWS tools."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.output import fail, note, one_line, print_error
from steady.aws.runtime import Runtime
from steady.names import CAPACITY, CLUSTERS_PATH

ProfileOption = Annotated[str | None, typer.Option(help="The AWS profile (default: the one the AWS CLI uses).")]
RegionOption = Annotated[str | None, typer.Option(help="The AWS Region (default: the one the AWS CLI uses).")]

AWS_FAILED = 1


class NotesTelemetry:
    """Show warnings and errors of the suite's code on the terminal; drop its other log lines and its metrics."""

    def info(self, message: str, **fields: Any) -> None: ...

    def warning(self, message: str, **fields: Any) -> None:  # noqa: ARG002
        note(("warning:", "yellow"), f" {one_line(message)}")

    def error(self, message: str, **fields: Any) -> None:  # noqa: ARG002
        print_error(message)

    def count(self, metric: str, value: float = 1, cluster: str = "", pool: str = "") -> None: ...

    def seconds(self, metric: str, value: float, cluster: str) -> None: ...

    def gauges(self, values: Mapping[str, float], cluster: str, pool: str = "") -> None: ...

    def api_calls(self, calls: Mapping[str, int]) -> None: ...


def runtime(profile: str | None, region: str | None) -> Runtime:
    """Return the clients for the account that `profile` and `region` name.

    If no Region is set or the profile does not exist, end the command with one line.
    """
    with aws_errors():
        # The AWS CLI reads both variables; boto3 reads AWS_DEFAULT_REGION alone.
        session = boto3.Session(profile_name=profile, region_name=region or os.environ.get("AWS_REGION"))
    if session.region_name is None:
        fail("no AWS Region is set: give --region, or set AWS_REGION")
    return Runtime(session=session, telemetry=NotesTelemetry())


@contextmanager
def aws_errors(cluster: str | None = None) -> Iterator[None]:
    """Turn an error of AWS or of its SDK into one line and exit code 1.

    Args:
        cluster: the managed cluster that the calls are about. If ECS does not have it, the line says so, and the exit
            code is 2.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        # ECS API Reference, "Common Error Types" of its calls: it names no cluster.
        if cluster and isinstance(error, ClientError) and error.response["Error"]["Code"] == "ClusterNotFoundException":
            fail(
                f"ECS has no cluster {cluster}, whose parameter {CLUSTERS_PATH}/{cluster}/{CAPACITY} is there: create "
                "it, or remove the rest of it (docs/cluster-removal.md)"
            )
        fail(str(error), AWS_FAILED)
