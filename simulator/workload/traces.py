"""Read traces in three formats.

- jobs, CSV: `submit_s,family,cpu,memory,run_s`
- services, CSV: `at_s,service,desired_count,cpu,memory`
- Spot market, JSON: `{"metadata": {"gap_seconds": 300}, "data": [16, 16, 14, …]}`

Times are in seconds from the start, `cpu` in CPU units (1024 a vCPU), `memory` in MiB. Files are UTF-8, with or without
the byte order mark that Excel writes, with lines that end in LF or CRLF, and in any order of time.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from simulator.workload.plan import Job, ServiceChange, SpotMarket
from steady.cluster import Size


def _without_underscore(cell: str) -> str:
    """Refuse a number such as 1_000, which is one in Python and in no other tool that reads CSV."""
    if "_" in cell:
        raise ValueError("a number has no underscore")
    return cell


Number = BeforeValidator(_without_underscore)
Time = Annotated[float, Number, Field(ge=0, allow_inf_nan=False, description="a number of seconds, 0 or more")]
Name = Annotated[str, Field(min_length=1, description="a name")]
CpuUnits = Annotated[int, Number, Field(ge=0, description="a whole number of CPU units (1024 a vCPU), 0 or more")]
MemoryMib = Annotated[int, Number, Field(ge=0, description="a whole number of MiB, 0 or more")]


class BadTrace(ValueError):
    """A trace cannot be read. The text names the file, the line, the column, the value and what is needed."""


class _Row(BaseModel):
    """A row of a trace. Each field is a column; its description says what is needed there."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    cpu: CpuUnits
    memory: MemoryMib

    @property
    def size(self) -> Size:
        return Size(self.cpu, self.memory)


class _JobRow(_Row):
    submit_s: Time
    family: Name
    run_s: Annotated[float, Number, Field(gt=0, allow_inf_nan=False, description="a number of seconds, more than 0")]


class _ServiceRow(_Row):
    at_s: Time
    service: Name
    desired_count: Annotated[int, Number, Field(ge=0, description="a whole number of tasks, 0 or more")]


class _Metadata(BaseModel):
    gap_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Market(BaseModel):
    metadata: _Metadata
    data: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]


Row = TypeVar("Row", bound=_Row)

JOB_COLUMNS = ("submit_s", "family", "cpu", "memory", "run_s")
SERVICE_COLUMNS = ("at_s", "service", "desired_count", "cpu", "memory")
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
MARKET = '{"metadata": {"gap_seconds": 300}, "data": [16, 16, 14]}'


def jobs(path: Path) -> tuple[Job, ...]:
    """Read a trace of jobs, and return them in the order of their submission.

    Raises:
        BadTrace: if a line is wrong, or the file cannot be read.
    """
    found = (Job(row.submit_s, row.family, row.size, row.run_s) for row in _rows(path, _JobRow, JOB_COLUMNS))
    return tuple(sorted(found, key=lambda j: j.submit_s))


def services(path: Path) -> tuple[ServiceChange, ...]:
    """Read a trace of services: return the changes of their desired counts, in the order of time.

    Raises:
        BadTrace: if a line is wrong, or the file cannot be read.
    """
    rows = _rows(path, _ServiceRow, SERVICE_COLUMNS)
    return tuple(
        sorted(
            (ServiceChange(row.at_s, row.service, row.desired_count, row.size) for row in rows), key=lambda c: c.at_s
        )
    )


def spot_market(path: Path) -> SpotMarket:
    """Read a trace of a Spot market: how many instances it has over time.

    Raises:
        BadTrace: if the file cannot be read or has another format.
    """
    try:
        trace = _Market.model_validate_json(_text(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{', ' if number else ''}{part}" for number, part in enumerate(first["loc"]))
        found = f' is "{_shown(first["input"])}"' if where and first["type"] != "missing" else ""
        raise BadTrace(
            f"{path}: {where}{found}{': ' if where else ''}{first['msg']}: JSON such as {MARKET} is needed"
        ) from error
    market = SpotMarket(trace.metadata.gap_seconds, trace.data)
    if market.most <= 0:
        raise BadTrace(f"{path}: the largest number of data is {market.most}: one over 0 is needed")
    return market


def _rows(path: Path, kind: type[Row], columns: tuple[str, ...]) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    heads: list[str] = []
    count = 0
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            where = f"{path}, line {reader.line_num}"
            if not heads:
                heads = _heads(where, cells, columns)
                continue
            count += 1
            yield _row(where, kind, heads, cells)
    except csv.Error as error:
        raise BadTrace(
            f"{path}, line {reader.line_num}: {error}: rows of CSV are needed, each quotation mark with a second one"
        ) from error
    if not count:
        what = "has no row below its first line" if heads else "is empty"
        raise BadTrace(f"{path} {what}: {_format(columns)} is needed, and a line for each row")


def _heads(where: str, cells: list[str], columns: tuple[str, ...]) -> list[str]:
    heads = [cell.strip() for cell in cells]
    missing = [column for column in columns if column not in heads]
    twice = next((head for head in heads if head and heads.count(head) > 1), None)
    if twice:
        raise BadTrace(f"{where}: the column {twice} is there twice: each is needed once, as in {_format(columns)}")
    if not missing:
        return heads
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if separator in cells[0]:
            raise BadTrace(
                f'{where}: "{_shown(cells[0])}" is separated by {name}: commas are needed, as in {_format(columns)}'
            )
    raise BadTrace(
        f"{where}: the column {missing[0]} is missing from {_shown(','.join(heads))}: {_format(columns)} is needed"
    )


def _row(where: str, kind: type[Row], heads: list[str], cells: list[str]) -> Row:
    if len(cells) != len(heads):
        raise BadTrace(
            f'{where}: "{_shown(",".join(cells))}" has {len(cells)} values: one for each of the {len(heads)} columns '
            f"{','.join(heads)} is needed"
        )
    try:
        return kind.model_validate(dict(zip(heads, cells, strict=True)))
    except ValidationError as error:
        column = str(error.errors()[0]["loc"][0])
        value = cells[heads.index(column)]
        raise BadTrace(
            f'{where}, column {column}: it is "{_shown(value)}": {kind.model_fields[column].description} is needed'
        ) from error


def _text(path: Path) -> str:
    """Return the text of a file without its byte order mark."""
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise BadTrace(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        # Excel's "Unicode Text" begins with the byte order mark of UTF-16.
        coded, named = ("utf16", "UTF-16") if content.startswith(UTF_16) else ("latin1", "Latin-1")
        raise BadTrace(
            f"{path}, line {line}: the byte 0x{content[error.start]:02x} is no UTF-8: a text file in UTF-8 is needed "
            f"(iconv -f {coded} -t utf8 converts one in {named})"
        ) from error


def _format(columns: tuple[str, ...]) -> str:
    return f"a first line {','.join(columns)}"


def _shown(value: Any) -> str:
    """Return the start of a value: enough of it to find it in the file."""
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
