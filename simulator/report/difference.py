"""Say in three sentences what the suite changed, beside what ECS does by itself in the same hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulator.outcome import Outcome, TakenTask
from simulator.prices import dollars, hours_bought
from simulator.report.day import called
from simulator.report.waits import bursts_of
from steady.list_prices import SPOT_SHARE
from steady.pools import Purchase
from steady.scaling.staffing import MOST_AT_ONCE
from steady.thresholds import DEFAULTS

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


def cut_short(outcomes: Sequence[Outcome]) -> str:
    """Return how many batch tasks on reclaimed instances were ended before they were done, and how, by each policy."""
    parts = [
        f"{called(o.policy)}, {stopped_in_time(o):,} with SIGTERM and time to stop, and {killed:,} killed"
        for o in outcomes
        for killed in [sum(task.killed for task in _batch_tasks(o))]
    ]
    return f"Batch tasks that a reclaim ended before they were done: {'; '.join(parts)}. All are run again."


def stopped_in_time(outcome: Outcome) -> int:
    """Return how many batch tasks on reclaimed instances got SIGTERM, and time to stop."""
    return sum(task.sigterm_s is not None and not task.killed for task in _batch_tasks(outcome))


def _batch_tasks(outcome: Outcome) -> list[TakenTask]:
    taken = [task for record in outcome.clusters for instance in record.taken for task in instance.tasks]
    return [task for task in taken if not task.is_of_service]


def at_once(outcome: Outcome) -> str:
    """Return how many tasks started at once with the suite, how many were asked for, and how many came in bursts."""
    asked = {**DEFAULTS, **outcome.thresholds}["start_at_once_share"]
    text = f"Started at once: {outcome.figures['started_at_once_percent']:g} % of the tasks (asked: {asked} %)."
    sizes = [len(burst.tasks) for burst in bursts_of(outcome)]
    in_bursts = sum(size for size in sizes if size > MOST_AT_ONCE)
    if not in_bursts:
        return text
    # docs/spare-capacity.md, "How the factor is learned".
    return (
        f"{text} Of the {sum(sizes):,} that waited, {in_bursts:,} came with more than {MOST_AT_ONCE} at once: spare "
        f"capacity is learned from {MOST_AT_ONCE} of a burst at most."
    )


def _lost(figures: Figures) -> int:
    return int(figures["failed_requests"] + figures["unserved_requests"])


def _hours(figures: Figures) -> str:
    on_demand, spot = (hours_bought(figures["instance_hours_by"], p) for p in (Purchase.ON_DEMAND, Purchase.SPOT))
    return f"{on_demand:,.1f} on-demand and {spot:,.1f} Spot hours"
