"""The live account that a command works on, as people expect from AWS tools: `--profile`, `--region`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.output import fail, notes
from steady.aws.runtime import Runtime

ProfileOption = Annotated[str | None, typer.Option(help="The AWS profile to use (default: as the AWS CLI chooses).")]
RegionOption = Annotated[str | None, typer.Option(help="The AWS Region to use (default: as the AWS CLI chooses).")]

AWS_FAILED = 1


class NotesTelemetry:
    """What the suite's code says, for a person at a terminal: warnings and errors only."""

    def info(self, message: str, **fields: Any) -> None: ...

    def warning(self, message: str, **fields: Any) -> None:  # noqa: ARG002
        notes.print(f"[yellow]warning:[/] {message}", highlight=False)

    def error(self, message: str, **fields: Any) -> None:  # noqa: ARG002
        notes.print(f"[red]error:[/] {message}", highlight=False)

    def count(self, metric: str, value: float = 1, cluster: str = "") -> None: ...

    def seconds(self, metric: str, value: float, cluster: str) -> None: ...

    def gauges(self, values: Mapping[str, float], cluster: str) -> None: ...

    def api_calls(self, calls: Mapping[str, int]) -> None: ...


def runtime(profile: str | None, region: str | None) -> Runtime:
    """Clients for the account that `profile` and `region` name; ends the command with one line if there is none."""
    with aws_errors():
        # The AWS CLI reads both variables; boto3 reads AWS_DEFAULT_REGION alone.
        session = boto3.Session(profile_name=profile, region_name=region or os.environ.get("AWS_REGION"))
    if session.region_name is None:
        fail("no AWS Region is set: give --region, or set AWS_REGION")
    return Runtime(session=session, telemetry=NotesTelemetry())


@contextmanager
def aws_errors() -> Iterator[None]:
    """Turns what AWS or its SDK refuses into one line and exit code 1."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        fail(str(error), AWS_FAILED)
