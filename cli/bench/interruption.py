"""`steady bench interruption`: take instances away at once, and measure their service-out."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.bench import interruption_tables, peers_table, reclaim_matrix_table
from cli.bench.options import (
    CORES,
    AtOnceOption,
    PageOption,
    PoolOption,
    SeedOption,
    check_page,
    end_if_broken,
    publish,
    write_figures,
)
from cli.output import JsonOption, fail, progress_bars, show_table, write_json
from simulator import peers
from simulator.bench import interruption as reclaim
from simulator.bench import reclaim_matrix, taken_away
from simulator.bench.reasons import REASONS, RECLAIMS, SPOT
from simulator.bench.taken_services import SERVICES, SINGLE_TASK
from simulator.timing import Timing
from simulator.wording import counted
from steady.pools import PoolKind

ALL = "all"
STEADY = "steady"
# What a reason is measured with unless --services is given: several tasks, and one.
USUAL_SERVICES = (SERVICES[0], SINGLE_TASK)


def interruption(
    instances: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=2000,
            help="Instances that are taken away: 100; with --matrix, 100, 300 and 500.",
        ),
    ] = None,
    tasks: Annotated[
        int | None,
        typer.Option(min=1, max=50, help="Tasks on each instance: 9. Only without --services and --reason."),
    ] = None,
    services: Annotated[
        list[str],
        typer.Option(
            help="The kind of the services; as many instances stay. Repeatable. One of "
            f"{', '.join(SERVICES)}; {ALL}: each of them."
        ),
    ] = [],  # noqa: B006 - typer copies it
    reason: Annotated[
        list[str],
        typer.Option(help=f"Why the instances go. Repeatable. One of {', '.join(REASONS)}; {ALL}: each of them."),
    ] = [],  # noqa: B006 - typer copies it
    pool: PoolOption = PoolKind.SPOT_FLEET,
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Reclaim whole Spot Fleets with each timing that AWS may have.")
    ] = False,
    seed: SeedOption = 0,
    with_peers: Annotated[
        bool, typer.Option("--peers", help="Also measure how other tools handle the same. They promise nothing.")
    ] = False,
    at_once: AtOnceOption = CORES,
    page_: PageOption = None,
    json_: JsonOption = None,
) -> None:
    """Take instances away at once, and measure their service-out. Default: a whole pool of Spot instances, within 5 s.

    Exit code 1: a promise is not kept.
    """
    whole_pool = not (matrix or services or reason)
    if whole_pool and page_ and not with_peers:
        fail(f"--page is {page_}, and one column is no table: add --peers, --services, --reason or --matrix")
    if not whole_pool and pool is not PoolKind.SPOT_FLEET:
        fail(
            f"--pool is {pool.value}, and with --matrix, --services or --reason the command chooses the pool: leave it "
            "out. --reason spot-group takes instances of an Auto Scaling group"
        )
    if matrix:
        check_page(page_, reclaim_matrix_table.MADE_BY)
        if services or reason or with_peers or tasks is not None:
            fail("--matrix is set: leave out --services, --reason, --tasks and --peers")
        _matrix(reclaim_matrix.INSTANCES if instances is None else (instances,), seed, at_once, page_, json_)
        return
    instances = 100 if instances is None else instances
    handlings = list(peers.HANDLINGS) if with_peers else [STEADY]
    if whole_pool:
        check_page(page_, peers_table.MADE_BY)
        figures = _reclaim_all(instances, 9 if tasks is None else tasks, seed, handlings, pool, json_)
        write_figures(page_, peers_table.MADE_BY, peers_table.table(figures))
        end_if_broken(
            line for one in figures if one["handling"] == STEADY for line in reclaim_matrix.broken_promises(one)
        )
        return
    check_page(page_, interruption_tables.MADE_BY)
    if tasks is not None:
        fail("--tasks is set, but with --services or --reason each instance has 9 tasks: leave it out")
    kinds = _chosen("--services", services, SERVICES) or USUAL_SERVICES
    reasons = _chosen("--reason", reason, tuple(REASONS)) or (SPOT,)
    runs = [
        taken_away.Run(instances, kind, why, handling, seed, room=room)
        for why, kind in itertools.product(reasons, kinds)
        # Where there is time, replacements boot. On Spot, they find room on instances that stay, or none.
        for room in ((True, False) if why in RECLAIMS else (False,))
        for handling in handlings
    ]
    with progress_bars() as progress:
        bar = progress.add_task(f"{len(runs)} runs", total=len(runs))
        figures = taken_away.measure_all(runs, at_once, lambda: progress.advance(bar))
    text = interruption_tables.table(figures)
    publish(figures, text, interruption_tables.MADE_BY, page_, json_)
    end_if_broken(
        f"{interruption_tables.shown(one)}: {one['services']}: {what}"
        for one in figures
        if one["handling"] == STEADY
        for what in one["broken"]
    )


def _reclaim_all(
    instances: int, tasks: int, seed: int, handlings: Sequence[str], pool: PoolKind, where: str | None
) -> list[dict[str, Any]]:
    figures = [
        reclaim.interruption(instances, tasks, seed, name, timing=Timing.as_aws(), pool=pool) for name in handlings
    ]
    write_json(figures if len(figures) > 1 else figures[0], where)
    if where != "-":
        show_table(_table(figures))
    return figures


def _matrix(sizes: Sequence[int], seed: int, at_once: int, page: Path | None, where: str | None) -> None:
    cells = list(reclaim_matrix.cells(sizes))
    with progress_bars() as progress:
        bar = progress.add_task(f"{len(cells)} reclaims", total=len(cells))
        figures = reclaim_matrix.measure_all(cells, at_once, seed, lambda: progress.advance(bar))
    text = reclaim_matrix_table.table(figures)
    publish(figures, text, reclaim_matrix_table.MADE_BY, page, where)
    end_if_broken(f"{reclaim_matrix_table.shown(one)}: {what}" for one in figures for what in one["broken"])


def _chosen(option: str, given: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    for name in given:
        if name not in (*known, ALL):
            fail(f'{option} is "{name}": one of {", ".join(known)}, {ALL} is needed')
    return tuple(known) if ALL in given else tuple(dict.fromkeys(given))


def _table(figures: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("", title=f"{counted(figures[0]['instances'], 'instance')} reclaimed within 5 s")
    for column in figures:
        table.add_column(column["handling"], justify="right")
    for name in figures[0]:
        if name not in ("handling", "instances", "api_calls"):
            table.add_row(name, *(f"{column[name]:,}" for column in figures))
    return table
