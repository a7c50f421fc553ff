"""Readers of the three trace formats.

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
    """A trace that cannot be read; the text names the file, the line, the value and what is needed."""


def jobs(path: Path) -> tuple[Job, ...]:
    """The jobs of a trace, in order of submission.

    Raises:
        BadTrace: naming the line that is wrong.
    """

    def job(row: dict[str, Any]) -> Job:
        return Job(float(row["submit_s"]), row["family"], _size(row), float(row["run_s"]))

    return tuple(sorted(_rows(path, job), key=lambda j: j.submit_s))


def services(path: Path) -> tuple[ServiceChange, ...]:
    """The changes of the services' desired counts, in order of time.

    Raises:
        BadTrace: naming the line that is wrong.
    """

    def change(row: dict[str, Any]) -> ServiceChange:
        return ServiceChange(float(row["at_s"]), row["service"], int(row["desired_count"]), _size(row))

    return tuple(sorted(_rows(path, change), key=lambda c: c.at_s))


def spot_market(path: Path) -> SpotMarket:
    """How many Spot instances could be had over time.

    Raises:
        BadTrace: if the file has another form.
    """
    try:
        trace = json.loads(path.read_text())
        gap_s, data = float(trace["metadata"]["gap_seconds"]), trace["data"]
        market = SpotMarket(gap_s, tuple(int(n) for n in data))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadTrace(f'{path}: {error}: {{"metadata": {{"gap_seconds": …}}, "data": [numbers]}} is needed') from error
    if gap_s <= 0 or market.most <= 0:
        raise BadTrace(f"{path}: gap_seconds and the largest number of data must be over 0")
    return market


def _rows(path: Path, parse: Callable[[dict[str, Any]], Row]) -> Iterator[Row]:
    try:
        with path.open(newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                try:
                    yield parse(row)
                except (KeyError, TypeError, ValueError) as error:
                    raise BadTrace(f"{path}, line {number}: {error!r}; see the format of this trace") from error
    except OSError as error:
        raise BadTrace(f"{path}: {error.strerror}") from error


def _size(row: dict[str, Any]) -> Size:
    return Size(int(row["cpu"]), int(row["memory"]))
