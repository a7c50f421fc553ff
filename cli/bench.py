"""`steady bench`: what the suite does at its limits, on the simulated account."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from cli.output import answers, fail, write_json
from simulator import bench

app = typer.Typer(help="Benchmarks on the simulated account.", no_args_is_help=True)


@app.callback()
def benches() -> None:
    """Benchmarks on the simulated account, behind AWS's real rate limits."""


@app.command()
def interruption(
    instances: Annotated[int, typer.Option(min=1, max=2000, help="Instances of the fleet; all are reclaimed.")] = 100,
    tasks: Annotated[int, typer.Option(min=1, max=50, help="Tasks on each instance.")] = 9,
    seed: Annotated[int, typer.Option(help="Of all that is random.")] = 0,
    json_: Annotated[str | None, typer.Option("--json", help="Write the figures to a file, or to - (stdout).")] = None,
) -> None:
    """Reclaims a whole Spot Fleet within 5 s and measures its service-out."""
    figures = bench.interruption(instances, tasks, seed)
    if json_:
        write_json(figures, json_)
    if json_ != "-":
        answers.print(_table(figures))
    if figures["tasks"] == 0:
        fail("no task ran on any instance: nothing was measured")


def _table(figures: dict[str, Any]) -> Table:
    table = Table("figure", "value", title=f"{figures['instances']} instances reclaimed within 5 s")
    for name, value in figures.items():
        table.add_row(name, f"{sum(value.values()):,}" if name == "api_calls" else f"{value:,}")
    return table
