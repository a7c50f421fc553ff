"""What the functions have lately logged about a cluster: decisions, drains and warnings, with their reasons."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from cli.stacks import where_there_is_one
from steady.aws.runtime import CLIENT_CONFIG, Runtime

# The stacks whose functions decide, drain and take RunTask failures.
STACKS = ("steady-scaling", "steady-service-out")
# A decision's log line (steady.aws.scaling.reporting) has these lists of instances.
CHANGES = ("to_drain", "to_undrain", "to_terminate")


class NoLogs(ValueError):
    """The suite's stacks, and so its log groups, are not in this account and Region."""


@dataclass(frozen=True, slots=True, order=True)
class LogLine:
    """One line of a function's log. `at` is in seconds since the epoch."""

    at: float
    text: str


def log_groups(aws: Runtime) -> list[str]:
    """Return the names of the log groups of the functions that decide and drain.

    Raises:
        NoLogs: if the suite is not deployed in this account and Region.
    """
    cloudformation = aws.session.client("cloudformation", config=CLIENT_CONFIG)
    groups: list[str] = []
    for stack in STACKS:
        with where_there_is_one():
            resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
            groups += [r["PhysicalResourceId"] for r in resources if r["ResourceType"] == "AWS::Logs::LogGroup"]
    if not groups:
        raise NoLogs(f"there is no stack {' or '.join(STACKS)} here: deploy the suite (cdk deploy --all)")
    return groups


def read_log(aws: Runtime, groups: Iterable[str], cluster: str, since: float) -> list[LogLine]:
    """Return what `groups` have about `cluster` from the time `since` on, in seconds since the epoch, oldest first."""
    found: list[LogLine] = []
    for group in groups:
        pages = aws.logs.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            # CloudWatch Logs: a quoted pattern matches lines that contain the phrase.
            filterPattern=f'"cluster {cluster}: "',
            startTime=int(since * 1000),
        )
        try:
            lines = [line for page in pages for line in page["events"]]
        except ClientError as error:
            # A group that is being replaced.
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            continue
        read = ((line, _fields(line["message"])) for line in lines)
        found += [LogLine(line["timestamp"] / 1000, _text(fields, cluster)) for line, fields in read if fields]
    return sorted(found)


def _fields(message: str) -> Mapping[str, Any]:
    try:
        fields = json.loads(message)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) and "message" in fields else {}


def _text(fields: Mapping[str, Any], cluster: str) -> str:
    message = str(fields["message"])
    if "reasons" not in fields:
        text = message.removeprefix(f"cluster {cluster}: ")
        instances = fields.get("drained") or []
        return f"{text} ({', '.join(instances)})" if instances else text
    done = [f"{what.replace('_', ' ')}: {', '.join(fields[what])}" for what in CHANGES if fields.get(what)]
    before = fields.get("seen", {}).get("target")
    target = f"target {fields['target']}" + ("" if before in (None, fields["target"]) else f" (was {before})")
    return "; ".join([target, *(reason["text"] for reason in fields["reasons"]), *done])
