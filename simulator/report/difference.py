"""Say in three sentences what the suite changed, beside what ECS does by itself in the same hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simulator.bill import hours_bought
from simulator.outcome import ClusterRecord, Outcome, TakenTask
from simulator.prices import dollars
from simulator.report.day import called
from simulator.report.waits import bursts_of
from simulator.wording import counted
from steady.list_prices import SPOT_SHARE
from steady.pools import PoolKind, Purchase
from steady.scaling.staffing import MOST_AT_ONCE
from steady.thresholds import DEFAULTS

Figures = Mapping[str, Any]
POOLS = {PoolKind.AUTO_SCALING_GROUP: "an Auto Scaling group", PoolKind.SPOT_FLEET: "a Spot Fleet"}


def sentences(steady: Figures, alone: Figures) -> tuple[str, str, str]:
    """Return what was lost, how long tasks waited, and what it cost: with the suite, and with what ECS does alone."""
    lost, lost_alone = (_lost(f) for f in (steady, alone))
    hours, waits = (_hours(steady), _hours(alone)), (steady["wait_seconds"], alone["wait_seconds"])
    paid = [dollars(f["instance_hours_by"]) for f in (steady, alone)]
    return (
        f"Lost: {lost:,} requests and {steady['tasks_killed_in_service']:,} tasks with ecs-steady; {lost_alone:,} "
        f"requests and {alone['tasks_killed_in_service']:,} tasks with what ECS does by itself.",
        f"Waited: tasks waited {waits[0]['total'] / 60:,.0f} minutes in all for an instance with room "
        f"(95th percentile: {waits[0]['p95']:g} s) with ecs-steady; {waits[1]['total'] / 60:,.0f} minutes "
        f"({waits[1]['p95']:g} s) with what ECS does by itself.",
        f"Paid: {paid[0]:,.2f} USD ({hours[0]}) with ecs-steady; {paid[1]:,.2f} USD ({hours[1]}) with what ECS does by "
        f"itself. Spot is taken at {100 * SPOT_SHARE:.0f} % of the list price.",
    )


def introduction(outcomes: Sequence[Outcome]) -> str:
    """Return what ran, for a person who was not there."""
    records = outcomes[0].clusters
    runs = [called(o.policy) for o in outcomes]
    what = f"The work ran {runs[0]}" if len(runs) == 1 else f"The same work ran {', then '.join(runs)}"
    clusters = " and ".join(f"{r.name} ({described(r)})" for r in records)
    reclaims = [len({i.noticed_s for r in o.clusters for i in r.taken}) for o in outcomes]
    spot = f" Spot took instances back {counted(max(reclaims), 'time')}." if any(reclaims) else ""
    return f"{what}, on a simulated AWS account: cluster{'s' if len(records) > 1 else ''} {clusters}.{spot}"


def described(record: ClusterRecord) -> str:
    """Return what the pools of a cluster are."""
    if not record.pools:
        return f"{POOLS[record.kind]} of {record.instance_type}"
    pools = (f"{name}, {POOLS[pool.kind]} of {' and '.join(pool.types)}" for name, pool in record.pools.items())
    return f"{counted(len(record.pools), 'pool')}: {'; '.join(pools)}"


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
