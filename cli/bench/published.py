"""`steady bench published`: the simulated account held against what others have measured on AWS."""

from __future__ import annotations

from collections.abc import Sequence

from cli.bench import figures_page
from cli.bench.options import CORES, AtOnceOption, PageOption, SeedOption, check_page, end_if_broken, publish
from cli.output import JsonOption, progress_bars
from simulator.bench.published import measurements
from simulator.bench.published.measurement import Compared

MADE_BY = "steady bench published"


def published(
    seed: SeedOption = 0, at_once: AtOnceOption = CORES, page_: PageOption = None, json_: JsonOption = None
) -> None:
    """Hold the simulated account against published measurements, step by step.

    Exit code 1: a figure differs by over 15 %, and not as its known difference says; or peers are in another order.
    """
    check_page(page_, MADE_BY)
    with progress_bars() as progress:
        bar = progress.add_task("measurements", total=len(measurements.MEASUREMENTS))
        found = measurements.measure(seed, at_once, lambda what: progress.update(bar, advance=1, description=what))
    publish([figures_of(one) for one in found], table(found), MADE_BY, page_, json_)
    end_if_broken(measurements.broken(found), "the account is not as published:")


def figures_of(one: Compared) -> dict[str, object]:
    """Return one comparison as `--json` writes it."""
    return {
        "what": one.of.what,
        "basis": one.of.basis,
        "source": one.of.source,
        "unit": one.of.unit,
        "published": one.of.published,
        "simulated": one.simulated,
        "ratio": one.ratio,
        "as_published": one.is_as_published,
        "why_not": one.of.known.why if one.of.known else None,
        "effect": one.of.known.effect if one.of.known else None,
        "kept": one.is_explained,
    }


def table(found: Sequence[Compared]) -> str:
    """Return a Markdown table with a row for each measurement."""
    rows = [
        (
            one.of.what,
            one.of.source,
            f"{one.of.basis} {one.of.published:,g} {one.of.unit}".rstrip(),
            f"{one.simulated:,.0f} {one.of.unit}".rstrip(),
            f"{one.ratio:.2f}",
            f"{one.of.known.why}: {one.of.known.effect}" if one.of.known else "",
        )
        for one in found
    ]
    columns = ("what", "source", "published", "simulated", "ratio", "why not, and its effect")
    return figures_page.table(columns, ["---", "---", "---:", "---:", "---:", "---"], rows)
