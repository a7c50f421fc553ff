"""Read the earlier values of a parameter, which stand in for one that does not parse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from steady.aws.runtime import Runtime
from steady.thresholds import BadThreshold

NEVER = datetime.fromtimestamp(0, UTC)

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a parameter: its value, since when, and the user who set it."""

    number: int
    value: str
    at: datetime
    by: str


def read_history(runtime: Runtime, path: str) -> list[Version]:
    """Return the versions of the parameter `path`, the newest first; none if it does not exist."""
    pages = runtime.ssm.get_paginator("get_parameter_history").paginate(Name=path)
    try:
        versions = [version for page in pages for version in page["Parameters"]]
    except runtime.ssm.exceptions.ParameterNotFound:
        return []
    found = [
        Version(v["Version"], v["Value"], v.get("LastModifiedDate", NEVER), v.get("LastModifiedUser", ""))
        for v in versions
    ]
    return sorted(found, key=lambda version: version.number, reverse=True)


def newest(
    runtime: Runtime, path: str, parse: Callable[[str], Value], fits: Callable[[Value], bool] = lambda value: True
) -> Value | None:
    """Return the newest value of the parameter `path` that parses, and fits; None: there is none."""
    for version in read_history(runtime, path):
        try:
            value = parse(version.value)
        except BadThreshold:
            continue
        if fits(value):
            return value
    return None
