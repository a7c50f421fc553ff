"""Say in three sentences what the suite changed, beside what ECS does by itself in the same hours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.prices import SPOT_SHARE, dollars
from steady.pools import Purchase

Figures = Mapping[str, Any]


def sentences(steady: Figures, alone: Figures) -> tuple[str, str, str]:
    """Return what was lost, how long tasks waited, and what it cost: with the suite, and with what ECS does alone."""
    lost, lost_alone = (_lost(f) for f in (steady, alone))
    hours, waits = (_hours(steady), _hours(alone)), (steady["wait_seconds"], alone["wait_seconds"])
    paid = [dollars(f["instance_hours_by"]) for f in (steady, alone)]
    return (
        f"Lost: {lost:,} requests and {steady['tasks_killed_in_service']:,} tasks with ecs-steady; {lost_alone:,} "
        f"requests and {alone['tasks_killed_in_service']:,} tasks with what ECS does by itself.",
        f"Waited: {waits[0]['total'] / 60:,.0f} minutes for a place in all, {waits[0]['p95']:g} s at the 95th "
        f"percentile; {waits[1]['total'] / 60:,.0f} minutes and {waits[1]['p95']:g} s with what ECS does by itself.",
        f"Paid: {paid[0]:,.2f} USD ({hours[0]}); {paid[1]:,.2f} USD ({hours[1]}) with what ECS does by "
        f"itself. Spot is taken at {SPOT_SHARE:.0%} of the list price.",
    )


def _lost(figures: Figures) -> int:
    return int(figures["failed_requests"] + figures["unserved_requests"])


def _hours(figures: Figures) -> str:
    by = {bought: sum(of.values()) for bought, of in figures["instance_hours_by"].items()}
    return f"{by[Purchase.ON_DEMAND]:,.1f} on-demand and {by[Purchase.SPOT]:,.1f} Spot hours"
