"""`steady logs`: show the log lines of one container, found with Athena, and what the query cost."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Annotated, Any

import typer

from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.logs import athena
from cli.logs.athena import QueryFailed
from cli.logs.query import query
from cli.output import JsonOption, note, one_line_errors, say, write_json
from simulator.wording import counted
from steady.aws import glue
from steady.aws.runtime import Runtime
from steady.catalog import Prefix
from steady.names import DATABASE, WORKGROUP

UNITS = {"m": "minutes", "h": "hours", "d": "days"}
# As long as lines can be kept (cdk.json: logs, keep_days).
LONGEST = timedelta(days=36_500)
TB = 10**12


class NoSuchLogs(ValueError):
    """The logs cannot be found: no table has them, or the span is wrong. The text says what is needed."""


def logs(
    family: Annotated[str, typer.Argument(help="The task definition family.")],
    container: Annotated[str, typer.Argument(help="The name of the container.")],
    since: Annotated[str, typer.Option(help="Show lines of this last span: 30m, 2h or 7d, for example.")] = "1h",
    like: Annotated[str, typer.Option(help="Show lines with this text. With % in it, it is an SQL pattern.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Show at most this many lines: the newest.")] = 1000,
    price: Annotated[float, typer.Option(min=0, max=1000, help="Athena's price for each TB that it reads.")] = 5.0,
    profile: ProfileOption = None,
    region: RegionOption = None,
    json_: JsonOption = None,
) -> None:
    """Show log lines of a container, the oldest first.

    Standard error says how many bytes Athena read and what they cost.

    Exit code 1: AWS refused a call. 2: there are no such logs, or Athena refused the query.
    """
    with one_line_errors(NoSuchLogs, QueryFailed):
        span = _span(since)
        aws = runtime(profile, region)
        with aws_errors():
            found = lines(aws, Prefix(family, container), span, like, limit)
    cost = found["scanned_bytes"] / TB * price
    write_json({**found, "cost": round(cost, 6)}, json_)
    if json_ != "-":
        for line in found["lines"]:
            say(f"{line['time']} {line['log']}")
    note(
        f"{counted(len(found['lines']), 'line')}; Athena read {counted(found['scanned_bytes'], 'byte')}, "
        f"which cost {cost:.6f} at {price:g} a TB (--price)",
    )


def lines(aws: Runtime, prefix: Prefix, span: timedelta, like: str, limit: int) -> dict[str, Any]:
    """Return the newest `limit` lines of `prefix` within the last `span`.

    Returns:
        `query`: the SQL text; `lines`: the rows by column; `scanned_bytes`: how many bytes Athena read.

    Raises:
        NoSuchLogs: if the catalogue has no table for `prefix`.
        QueryFailed: if Athena refused the query.
    """
    try:
        names = {table.prefix: table.name for table in glue.list_tables(aws, DATABASE)}
    except aws.glue.exceptions.EntityNotFoundException as error:
        raise NoSuchLogs(
            f"there is no catalogue {DATABASE} in this account and Region: deploy the logs here (docs/logs.md)"
        ) from error
    if prefix not in names:
        there = [f"{p.family} {p.container}" for p in names]
        near = get_close_matches(f"{prefix.family} {prefix.container}", there) or sorted(there)[:5]
        raise NoSuchLogs(
            f"there are no logs of {prefix.family} {prefix.container}; "
            f"there are logs of {', '.join(near) or 'no container'}"
        )
    until = datetime.fromtimestamp(aws.now(), UTC)
    text = query(names[prefix], until - span, until, like, limit)
    answer = athena.run(aws, text, DATABASE, WORKGROUP)
    return {
        "query": text,
        "lines": [dict(zip(answer.columns, row, strict=False)) for row in answer.rows],
        "scanned_bytes": answer.scanned_bytes,
    }


def _span(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,8})([mhd])", text)
    span = timedelta(**{UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if not timedelta() < span <= LONGEST:
        raise NoSuchLogs(f'--since is "{text}": a span such as 30m, 2h or 7d is needed, at most {LONGEST.days}d')
    return span
