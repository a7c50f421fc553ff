"""Measure a cluster with five pools: beside the best single pool for the same work, and beside peers on the five."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from simulator import comparison
from simulator.instance_types import registered_size
from simulator.policies import WITH_POOLS, steady
from simulator.prices import list_price, listed_bill
from simulator.processes import run_all
from simulator.simulation import Scenario, simulate
from simulator.workload import synthetic
from simulator.workload.plan import ClusterPlan, lower_bound_instance_hours
from simulator.workload.pool_plan import PoolPlan, holds
from steady.list_prices import USD
from steady.pools import PoolKind

GROUP, FLEET = PoolKind.AUTO_SCALING_GROUP, PoolKind.SPOT_FLEET
POOLS: Mapping[str, PoolPlan] = {
    "arm": PoolPlan(FLEET, 0, {"m6g.2xlarge": 1}, parameters={"priority": 40}),
    "spot": PoolPlan(GROUP, 0, {"m5.2xlarge": 1}, on_spot=True, parameters={"priority": 30}),
    "large": PoolPlan(FLEET, 0, {"r5.8xlarge": 1}, parameters={"priority": 20}),
    "gpu": PoolPlan(GROUP, 0, {"g4dn.2xlarge": 1}, on_spot=True, parameters={"priority": 10}),
    "on-demand": PoolPlan(GROUP, 0, {"m5.2xlarge": 1}),
}
# Types that hold everything at once: tasks with GPUs, and those for arm64.
HOLDS_ALL = tuple(type_ for type_ in USD if type_.startswith("g5g."))
# So many of them at most are tried: those whose bound is the lowest.
MOST_TRIED = 3
# Of one cluster, where tasks' shapes differ: at most this fraction of the best single pool.
WHERE_SHAPES_DIFFER = 0.80


@dataclass(frozen=True, slots=True)
class Day:
    """Some work on one cluster, without its pools.

    Attributes:
        differs: whether its tasks need different instances: no pool of the five holds them all.
    """

    name: str
    plan: ClusterPlan

    @property
    def differs(self) -> bool:
        return not any(_holds_all(type_, self.plan) for pool in POOLS.values() for type_ in pool.types)

    def singles(self) -> Mapping[str, PoolPlan]:
        """Return each single Spot pool that holds all of it, by its type: of the five, or else of any that does."""
        types = {type_: None for pool in POOLS.values() for type_ in pool.types if _holds_all(type_, self.plan)}
        if not types:
            able = [type_ for type_ in HOLDS_ALL if _holds_all(type_, self.plan)]
            types = dict.fromkeys(sorted(able, key=self._bound)[:MOST_TRIED])
        return {type_: PoolPlan(FLEET, 0, {type_: 1}) for type_ in types}

    def _bound(self, type_: str) -> float:
        return list_price(type_) * lower_bound_instance_hours(self.plan, registered_size(type_), 86_400)


@dataclass(frozen=True, slots=True)
class Run:
    """One policy on the work of one day, on these pools, with the random draws of one seed."""

    seed: int
    day: Day
    policy: str
    pools: str
    of: Mapping[str, PoolPlan]


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one policy on these pools: the means of its runs with all seeds.

    Of `unplaced` and `killed`, the worst seed counts.

    Attributes:
        pools: `five`, or the type of the only pool.
        usd: on-demand hours at list prices, and Spot hours at Spot prices.
        list_usd: all hours at list prices.
    """

    policy: str
    pools: str
    usd: float
    list_usd: float
    wait_p95_s: float
    wait_max_s: float
    tasks: int
    unplaced: int
    killed: int
    wall_s: float


FIVE = "five"


@dataclass(frozen=True, slots=True)
class Compared:
    """The runs of one day."""

    day: str
    differs: bool
    rows: tuple[Row, ...]

    @property
    def ours(self) -> Row:
        return next(row for row in self.rows if row.pools == FIVE and row.policy == steady.NAME)

    @property
    def best_single(self) -> Row:
        """The single pool that costs the least, of those on which each task found its place."""
        singles = [row for row in self.rows if row.pools != FIVE]
        return min(singles, key=lambda row: (row.unplaced, row.usd))

    def promises(self) -> list[tuple[str, bool, str]]:
        """Return each promise, whether it is kept, and its figures."""
        ours, best = self.ours, self.best_single
        most = WHERE_SHAPES_DIFFER if self.differs else 1.0
        return [
            (
                f"at most {100 * most:.0f} % of the dollars of the best single pool",
                ours.usd <= most * best.usd,
                f"{ours.usd:.2f} USD; {best.pools}: {best.usd:.2f}",
            ),
            (
                "the wait, 95th percentile, is not longer than there",
                ours.wait_p95_s <= best.wait_p95_s,
                f"{ours.wait_p95_s:g} s; {best.wait_p95_s:g} s",
            ),
            (
                "the longest wait is not longer than there",
                ours.wait_max_s <= best.wait_max_s,
                f"{ours.wait_max_s:g} s; {best.wait_max_s:g} s",
            ),
            ("nothing unplaced or killed", not (ours.unplaced or ours.killed), f"{ours.unplaced}, {ours.killed}"),
        ]


def days(hours: float, seed: int, traces: Path | None = None) -> list[Day]:
    """Return the days that are measured: four workloads of traces, or of a synthetic day; and a mixed one.

    Raises:
        BadTrace: if a trace is missing or cannot be read.
    """
    if traces:
        found = [Day(w.name, w.plan(traces, seed)) for w in comparison.PROMISED]
    else:
        web, batch = synthetic.day(hours, seed)
        mild = synthetic.mild_market(hours, seed)
        jobs = replace(batch, services=())
        found = [
            Day("services, mild Spot", replace(web, market=mild)),
            Day("batch, Spot reclaims", jobs),
            Day("batch, no interruptions", replace(jobs, market=None)),
            Day("services and batch, Spot reclaims", synthetic.work_of_a_day(hours, seed)),
        ]
    return [*found, Day("mixed", synthetic.mixed(hours, seed))]


def runs_of(by_seed: Mapping[int, Sequence[Day]]) -> list[Run]:
    """Return the runs of all days: each policy on the five pools, and the suite on each single pool.

    Args:
        by_seed: the days of each seed, in the same order. The single pools are those that hold the first seed's work.
    """
    singles = {day.name: day.singles() for day in next(iter(by_seed.values()))}
    return [
        run
        for seed, days_ in by_seed.items()
        for day in days_
        for run in (
            *(Run(seed, day, policy, FIVE, POOLS) for policy in WITH_POOLS),
            *(Run(seed, day, steady.NAME, type_, {"only": pool}) for type_, pool in singles[day.name].items()),
        )
    ]


def compare(
    by_seed: Mapping[int, Sequence[Day]], hours: float, at_once: int, done: Callable[[Run], None] = lambda run: None
) -> Iterator[Compared]:
    """Run all policies on each day with each seed, and yield the comparison of each day; see `runs_of`."""
    every = runs_of(by_seed)
    rows = run_all(partial(row_of, hours), every, at_once, done)
    found: dict[tuple[str, str, str], list[Row]] = {}
    for run, row in zip(every, rows, strict=True):
        found.setdefault((run.day.name, run.pools, run.policy), []).append(row)
    for day in next(iter(by_seed.values())):
        yield Compared(day.name, day.differs, tuple(together(of) for key, of in found.items() if key[0] == day.name))


def together(rows: Sequence[Row]) -> Row:
    """Return the figures of the same policy on the same pools with several seeds."""

    def mean(of: Callable[[Row], float]) -> float:
        return statistics.fmean(map(of, rows))

    return replace(
        rows[0],
        usd=round(mean(lambda row: row.usd), 2),
        list_usd=round(mean(lambda row: row.list_usd), 2),
        wait_p95_s=round(mean(lambda row: row.wait_p95_s), 1),
        wait_max_s=round(mean(lambda row: row.wait_max_s), 1),
        tasks=round(mean(lambda row: row.tasks)),
        unplaced=max(row.unplaced for row in rows),
        killed=max(row.killed for row in rows),
        wall_s=sum(row.wall_s for row in rows),
    )


def row_of(hours: float, run: Run) -> Row:
    """Simulate `run`, and return its figures."""
    plan = replace(run.day.plan, name="work", pools=run.of)
    scenario = Scenario((plan,), hours, run.seed, {"max_capacity": comparison.MAX_CAPACITY})
    figures = simulate(run.policy, scenario).figures
    paid = listed_bill(figures["instance_hours_by"])
    return Row(
        run.policy,
        run.pools,
        round(paid.cost or 0.0, 2),
        round(paid.on_demand_only_cost or 0.0, 2),
        figures["wait_seconds"]["p95"],
        figures["wait_seconds"]["max"],
        figures["tasks"],
        figures["unplaced_tasks"],
        figures["tasks_killed_in_service"],
        figures["wall_seconds"],
    )


def _holds_all(type_: str, plan: ClusterPlan) -> bool:
    return all(holds(type_, work) for work in plan.jobs) and all(holds(type_, work) for work in plan.services)
