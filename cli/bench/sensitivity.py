"""`steady bench sensitivity`: each headline figure with what AWS does not publish at half and at double."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.bench import figures_page
from cli.bench.options import (
    CORES,
    AtOnceOption,
    PageOption,
    WorkloadOption,
    check_page,
    chosen_workloads,
    end_if_broken,
    publish,
)
from cli.output import JsonOption, fail, one_line_errors, progress_bars
from simulator import comparison
from simulator.bench import sensitivity as measured
from simulator.bench.sensitivity import DOUBLE, HALF, QUANTITIES, Claim, Day, Reclaim, Traces, Variant
from simulator.policies import POLICIES
from simulator.workload import traces

MADE_BY = "steady bench sensitivity"
# How many characters the longest bar of a figure has.
WIDEST = 12
_COLUMNS = ("figure", "claim", "as it is", "quantity", "at half", "at double", "change", "")
_ALIGNMENT = ("---", "---", "---:", "---", "---:", "---:", "---", "---")


def sensitivity(
    hours: Annotated[float, typer.Option(min=0.5, help="Simulate at most this many hours of each day and trace.")] = 6,
    instances: Annotated[int, typer.Option(min=1, max=500, help="Instances of the reclaim.")] = 500,
    traces_: Annotated[
        Path | None, typer.Option("--traces", help="The folder of the trace files. Without it, none is run.")
    ] = None,
    workload: WorkloadOption = [],  # noqa: B006 - typer copies it
    at_once: AtOnceOption = CORES,
    page_: PageOption = None,
    json_: JsonOption = None,
) -> None:
    """Give each headline figure with boot, fleet, call, pull and event latency at half and at double.

    Exit code 1: a claim does not hold as the account is, or turns round. 2: a trace cannot be read.
    """
    check_page(page_, MADE_BY)
    parts: list[measured.Part] = [Day(hours), Reclaim(instances)]
    if traces_:
        chosen = [replace(w, hours=min(w.hours, hours)) for w in chosen_workloads(workload, comparison.PROMISED)]
        with one_line_errors(traces.BadTrace):
            for each in chosen:
                each.plan(traces_)
        peers = [name for name in POLICIES if name != comparison.OURS]
        parts += [Traces(traces_, each, peers) for each in chosen]
    elif workload:
        fail("--workload is given without --traces: name the folder of the trace files, or leave --workload out")
    with progress_bars() as progress:
        bar = progress.add_task("accounts", total=len(parts) * len(measured.VARIANTS))
        claims = measured.measure(parts, at_once, lambda: progress.advance(bar))
    publish([_figures_of(one) for one in claims], tornado(claims), MADE_BY, page_, json_)
    end_if_broken((what for one in claims for what in one.turns_round()), "claims turn round:")


def tornado(claims: Sequence[Claim]) -> str:
    """Return the figures as a Markdown table: of each figure, the quantity that changes it most comes first."""
    rows = [row for claim in claims for row in _rows(claim)]
    return figures_page.table(_COLUMNS, _ALIGNMENT, rows)


def _rows(claim: Claim) -> list[Sequence[str]]:
    base = claim.base.value
    swings = {name: [claim.found[Variant(name, factor)] for factor in (HALF, DOUBLE)] for name in QUANTITIES}
    widest = max(abs(one.value - base) for pair in swings.values() for one in pair)
    ordered = sorted(swings.items(), key=lambda item: -max(abs(one.value - base) for one in item[1]))
    rows: list[Sequence[str]] = []
    for name, (half, double) in ordered:
        is_first = not rows
        turned = "" if half.holds and double.holds else "**turns round**"
        rows.append(
            (
                claim.figure if is_first else "",
                claim.claim if is_first else "",
                _shown(base) + ("" if claim.base.holds else " (**not kept**)") if is_first else "",
                name,
                _shown(half.value),
                _shown(double.value),
                bars(base, half.value, double.value, widest),
                turned,
            )
        )
    return rows


def bars(base: float, half: float, double: float, widest: float) -> str:
    """Return the change of a figure as two bars around a line: how far it falls, and how far it rises.

    >>> bars(10.0, 5.0, 12.0, 10.0)
    '`      ██████¦██          `'
    """

    def length(change: float) -> int:
        return round(WIDEST * max(0.0, change) / widest) if widest else 0

    falls, rises = (length(max(sign * (one - base) for one in (half, double))) for sign in (-1, 1))
    return f"`{'█' * falls:>{WIDEST}}¦{'█' * rises:<{WIDEST}}`"


def _shown(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _figures_of(claim: Claim) -> dict[str, Any]:
    return {
        "figure": claim.figure,
        "unit": claim.unit,
        "claim": claim.claim,
        "value": claim.base.value,
        "holds": claim.base.holds,
        "sensitivity": [
            {"quantity": v.quantity, "factor": v.factor, "value": one.value, "holds": one.holds}
            for v, one in claim.found.items()
            if v.quantity
        ],
    }
