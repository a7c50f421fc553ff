"""`steady bench karpenter`: Karpenter's own performance test, with the suite and with peers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from cli.bench import figures_page
from cli.bench.options import CORES, AtOnceOption, PageOption, check_page, end_if_broken, publish
from cli.output import JsonOption, progress_bars
from simulator.bench import karpenter_suite
from simulator.bench.karpenter_suite import Result
from simulator.comparison import OURS

MADE_BY = "steady bench karpenter"


def karpenter(at_once: AtOnceOption = CORES, page_: PageOption = None, json_: JsonOption = None) -> None:
    """Run Karpenter's own performance test: 1,000 tasks from nothing, and then 700.

    Exit code 1: the suite does not keep what Karpenter's test asks for.
    """
    check_page(page_, MADE_BY)
    with progress_bars() as progress:
        bar = progress.add_task("policies", total=len(karpenter_suite.POLICIES))
        found = karpenter_suite.measure(at_once, done=lambda name: progress.advance(bar))
    figures = [{**asdict(one), "kept": all(kept for _, kept in one.promises())} for one in found]
    publish(figures, table(found), MADE_BY, page_, json_)
    end_if_broken(what for one in found if one.policy == OURS for what, kept in one.promises() if not kept)


def table(found: Sequence[Result]) -> str:
    """Return a Markdown table with a row for each policy."""
    columns = ("policy", "1,000 placed (s)", "instances", "CPU / memory (%)", "700 after (s)", "instances")
    rows = [
        (
            f"**{one.policy}**" if one.policy == OURS else one.policy,
            f"{one.out_s:,.0f}",
            str(one.instances),
            f"{one.cpu_percent:.0f} / {one.memory_percent:.0f}",
            f"{one.in_s:,.0f}",
            str(one.instances_after),
            f"{one.cpu_percent_after:.0f} / {one.memory_percent_after:.0f}",
            "; ".join(what for what, kept in one.promises() if not kept) or "kept",
        )
        for one in found
    ]
    return figures_page.table((*columns, "CPU / memory (%)", ""), ["---", *["---:"] * 6, "---"], rows)
