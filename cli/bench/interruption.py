"""`steady bench interruption`: take instances away at once, and measure their service-out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.bench.options import SeedOption
from cli.output import JsonOption, answers, write_json
from simulator import peers
from simulator.bench import interruption as reclaim


def interruption(
    instances: Annotated[
        int, typer.Option(min=1, max=2000, help="Instances of the fleet. All of them are reclaimed.")
    ] = 100,
    tasks: Annotated[int, typer.Option(min=1, max=50, help="Tasks on each instance.")] = 9,
    seed: SeedOption = 0,
    with_peers: Annotated[
        bool, typer.Option("--peers", help="Also measure how other tools handle the same reclaim.")
    ] = False,
    json_: JsonOption = None,
) -> None:
    """Reclaim a whole Spot Fleet within 5 s, and measure its service-out."""
    handlings = list(peers.HANDLINGS) if with_peers else ["steady"]
    figures = [reclaim.interruption(instances, tasks, seed, handling) for handling in handlings]
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
