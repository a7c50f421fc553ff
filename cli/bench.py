"""`steady bench`: what the suite does at its limits, on the simulated account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.output import answers, write_json
from simulator import bench, peers

app = typer.Typer(help="Benchmarks on the simulated account.", no_args_is_help=True)


@app.callback()
def benches() -> None:
    """Benchmarks on the simulated account, behind AWS's real rate limits."""


@app.command()
def interruption(
    instances: Annotated[int, typer.Option(min=1, max=2000, help="Instances of the fleet; all are reclaimed.")] = 100,
    tasks: Annotated[int, typer.Option(min=1, max=50, help="Tasks on each instance.")] = 9,
    seed: Annotated[int, typer.Option(help="Of all that is random.")] = 0,
    with_peers: Annotated[bool, typer.Option("--peers", help="The same reclaim as others handle it, too.")] = False,
    json_: Annotated[str | None, typer.Option("--json", help="Write the figures to a file, or to - (stdout).")] = None,
) -> None:
    """Reclaims a whole Spot Fleet within 5 s and measures its service-out."""
    handlings = list(peers.HANDLINGS) if with_peers else ["steady"]
    figures = [bench.interruption(instances, tasks, seed, handling) for handling in handlings]
    if json_:
        write_json(figures if with_peers else figures[0], json_)
    if json_ != "-":
        answers.print(_table(figures))


def _table(figures: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("", title=f"{figures[0]['instances']} instances reclaimed within 5 s")
    for column in figures:
        table.add_column(column["handling"], justify="right")
    for name in figures[0]:
        if name not in ("handling", "instances", "api_calls"):
            table.add_row(name, *(f"{column[name]:,}" for column in figures))
    return table
