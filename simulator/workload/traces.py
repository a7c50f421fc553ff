"""Read traces in three formats.

- jobs, CSV: `submit_s,family,cpu,memory,run_s`
- services, CSV: `at_s,service,desired_count,cpu,memory`
- Spot market, JSON: `{"metadata": {"gap_seconds": 300}, "data": [16, 16, 14, …]}`

Times are in seconds from the start, `cpu` in CPU units (1024 a vCPU), `memory` in MiB.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from simulator.workload.plan import Job, ServiceChange, SpotMarket
from steady.cluster import Size

Row = TypeVar("Row")


class BadTrace(ValueError):
    """A trace cannot be read. The text names the file, the line, the value and what is needed."""


def jobs(path: Path) -> tuple[Job, ...]:
    """Read a trace of jobs, in the order of their submission.

    Raises:
        BadTrace: if a line is wrong, or the file cannot be read.
    """

    def job(row: dict[str, Any]) -> Job:
        return Job(float(row["submit_s"]), row["family"], _size(row), float(row["run_s"]))

    return tuple(sorted(_rows(path, job), key=lambda j: j.submit_s))


def services(path: Path) -> tuple[ServiceChange, ...]:
    """Read a trace of services: the changes of their desired counts, in the order of time.

    Raises:
        BadTrace: if a line is wrong, or the file cannot be read.
    """

    def change(row: dict[str, Any]) -> ServiceChange:
        return ServiceChange(float(row["at_s"]), row["service"], int(row["desired_count"]), _size(row))

    return tuple(sorted(_rows(path, change), key=lambda c: c.at_s))


def spot_market(path: Path) -> SpotMarket:
    """Read a trace of a Spot market: how many instances it has over time.

    Raises:
        BadTrace: if the file cannot be read or has another format.
    """
    try:
        trace = json.loads(path.read_text())
        gap_s, data = float(trace["metadata"]["gap_seconds"]), trace["data"]
        market = SpotMarket(gap_s, tuple(int(n) for n in data))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadTrace(f'{path}: {error}: {{"metadata": {{"gap_seconds": …}}, "data": [numbers]}} is needed') from error
    if gap_s <= 0 or market.most <= 0:
        raise BadTrace(
            f"{path}: gap_seconds is {gap_s:g} and the largest number of data is {market.most}: both must be over 0"
        )
    return market


def _rows(path: Path, parse: Callable[[dict[str, Any]], Row]) -> Iterator[Row]:
    try:
        with path.open(newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                try:
                    yield parse(row)
                except (KeyError, TypeError, ValueError) as error:
                    raise BadTrace(
                        f"{path}, line {number}: {error!r}: the format of docs/simulator.md is needed"
                    ) from error
    except OSError as error:
        raise BadTrace(f"{path}: {error.strerror}") from error


def _size(row: dict[str, Any]) -> Size:
    return Size(int(row["cpu"]), int(row["memory"]))
