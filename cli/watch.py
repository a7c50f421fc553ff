"""`steady watch`: what `steady explain` says, live, with the last decisions and drains of the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.explain import Line, decision_lines, explained, heading, instances_table, parts_of, problem_lines, rules_table
from cli.launches import launches_table
from cli.output import answers, keep_whole, one_line, one_line_errors, say, show_table
from cli.recent_log import LogLine, NoLogs, log_groups, read_log
from steady.aws.capacity.kind import NoSuchPool
from steady.aws.runtime import Runtime
from steady.aws.settings import parameters
from steady.thresholds import BadThreshold

# A line of a log can be read some seconds after it was written: the newest ones are asked for again.
LATE_S = 60.0


def watch(
    cluster: Annotated[str, typer.Argument(help="The cluster to watch.")],
    every: Annotated[
        float, typer.Option(min=5, max=3600, help="Seconds between two looks. Each makes the calls of a tick.")
    ] = 15,
    since: Annotated[
        float, typer.Option(min=0, max=14 * 24 * 60, help="How many minutes of the log to begin with.")
    ] = 60,
    lines: Annotated[int, typer.Option(min=1, help="How many lines of the log to show.")] = 12,
    once: Annotated[bool, typer.Option("--once", help="Show one look, and end; so it does in a pipe.")] = False,
    profile: ProfileOption = None,
    region: RegionOption = None,
) -> None:
    """Show a cluster live: its last decisions and drains with their reasons, each rule, each instance.

    The command only reads the account and changes nothing. Ctrl-C ends it.

    Exit code 1: AWS refused a call. 2: the cluster is not managed, or the suite is not deployed here.
    """
    aws = runtime(profile, region)
    with aws_errors(cluster), one_line_errors(BadThreshold, NoSuchPool, parameters.NoLedger, NoLogs):
        watched = Watched(aws, cluster, lines, aws.now() - since * 60)
        answer = watched.look()
        if once or not answers.is_terminal:
            _print(answer, watched.log)
            return
        _show_live(aws, watched, answer, every)


class Watched:
    """A cluster that is looked at again and again.

    Args:
        keep: how many lines of the log to keep.
        since: from when on the log is read, in seconds since the epoch.
    """

    def __init__(self, aws: Runtime, cluster: str, keep: int, since: float) -> None:
        self.log: list[LogLine] = []
        self._aws = aws
        self._cluster = cluster
        self._keep = keep
        self._since = since
        self._tables = parameters.read_ledger_table(aws), parameters.read_launches_table(aws)
        self._groups = log_groups(aws)

    def look(self) -> dict[str, Any]:
        """Return what `explained` does, and add what is new in the log to `log`."""
        answer = explained(self._aws, self._cluster, *self._tables)
        now = self._aws.now()
        new = read_log(self._aws, self._groups, self._cluster, self._since)
        self.log = sorted({*self.log, *new})[-self._keep :]
        self._since = max(self._since, now - LATE_S)
        return answer


def _show_live(aws: Runtime, watched: Watched, answer: dict[str, Any], every_s: float) -> None:
    """Look again every `every_s` seconds until Ctrl-C. A look that AWS refuses is said, and tried again."""
    trouble = ""
    with Live(console=answers, screen=True, auto_refresh=False) as live:
        try:
            while True:
                live.update(_view(answer, watched.log, trouble), refresh=True)
                aws.sleep(every_s)
                try:
                    answer, trouble = watched.look(), ""
                except (ClientError, BotoCoreError) as error:
                    trouble = f"not read again: {one_line(str(error))}"
        except KeyboardInterrupt:
            return


def _view(answer: dict[str, Any], log: Sequence[LogLine], trouble: str) -> RenderableType:
    """Return the view, what matters most on top: a terminal cuts off what is beyond its last line."""
    return Group(
        *(Text.assemble(*line) for line in [*([((trouble, "bold red"),)] if trouble else []), *_lines(answer)]),
        *_tables(answer, log),
    )


def _print(answer: dict[str, Any], log: Sequence[LogLine]) -> None:
    for line in _lines(answer):
        say(*line)
    for table in _tables(answer, log):
        show_table(table)


def _lines(answer: dict[str, Any]) -> Iterator[Line]:
    for part in parts_of(answer):
        yield heading(part)
        yield from decision_lines(part)
    yield from problem_lines(answer)


def _tables(answer: dict[str, Any], log: Sequence[LogLine]) -> list[Table]:
    tables = [_log_table(log), *([launches_table(answer["launches"])] if answer["launches"] else [])]
    for part in parts_of(answer):
        tables += [rules_table(part), instances_table(part)]
    for table in tables:
        keep_whole(table)
    return tables


def _log_table(log: Sequence[LogLine]) -> Table:
    table = Table()
    table.add_column("time (UTC)")
    table.add_column("what was done, and why", overflow="fold")
    for line in reversed(log):
        at = datetime.fromtimestamp(line.at, UTC).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
        table.add_row(at, Text(one_line(line.text)))
    if not log:
        table.add_row("", "nothing in this time")
    return table
