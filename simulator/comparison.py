"""Compare all policies on workloads of real traces: medians over several seeds, and whether the promises are kept."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from simulator import policies
from simulator.bill import hours_bought
from simulator.ec2 import BOOT_S
from simulator.instance_types import registered_size
from simulator.prices import dollars, hours_of
from simulator.processes import run_all
from simulator.simulation import Scenario, simulate
from simulator.workload import held_out, synthetic, traces
from simulator.workload.plan import (
    ClusterPlan,
    SpotMarket,
    Work,
    fitting,
    lower_bound_instance_hours,
    whole_instance_hours,
)
from steady.list_prices import SPOT_SHARE
from steady.pools import PoolKind, Purchase

# A wait (95th percentile) of this many seconds counts as much as all instances: it doubles the cost.
WAIT_THAT_DOUBLES_S = 60.0
# The promise: the wait (95th percentile) is at most a boot and this many seconds.
SPARE_WAIT_S = 15.0
# The promise: instance-hours are at most this many times the lower bound.
MOST_OVER_LOWER_BOUND = 1.20
# The promise: the cost is at most this fraction of the cheapest peer's.
LESS_THAN_BEST_PEER = 0.80
# The maximum of every policy: about three times what the largest workload needs. It stops policies that grow forever.
MAX_CAPACITY = 100
OURS = "steady"
MILD = "mild"


@dataclass(frozen=True, slots=True)
class Workload:
    """Traces that run on one Spot cluster of one instance type, which holds the largest task.

    Attributes:
        jobs, services: file names of traces; "": none.
        market: the file name of a trace of interruptions, or MILD; "": no interruptions.
        work: makes the work for so many hours from a seed, in place of traces.
        promised: whether the promises apply to this workload.
        pool: the kind of its pool: a Spot Fleet, or an Auto Scaling group of Spot Instances.
    """

    name: str
    instance_type: str
    hours: float
    jobs: str = ""
    services: str = ""
    market: str = ""
    work: Callable[[float, int], Work] | None = None
    promised: bool = True
    pool: PoolKind = PoolKind.SPOT_FLEET

    def plan(self, folder: Path, seed: int = 0) -> ClusterPlan:
        """Return the cluster's plan, from the traces in `folder`. `seed` is that of the mild market, and of
        work that is made.

        Raises:
            BadTrace: if a trace is missing or cannot be read.
        """
        made = self.work(self.hours, seed) if self.work else Work()
        return ClusterPlan(
            "spot",
            self.pool,
            self.instance_type,
            jobs=traces.jobs(folder / self.jobs) if self.jobs else made.jobs,
            services=traces.services(folder / self.services) if self.services else made.services,
            market=self._market(folder, seed),
            on_spot=True,
        )

    def _market(self, folder: Path, seed: int) -> SpotMarket | None:
        if self.market == MILD:
            return synthetic.mild_market(self.hours, seed)
        return traces.spot_market(folder / self.market) if self.market else None


WORKLOADS = (
    Workload("openb-a, spot-us-west-2c-4", "r5.8xlarge", 360, jobs="jobs-openb-a.csv", market="spot-us-west-2c-4.json"),
    Workload("lcg-a", "m5.8xlarge", 24, jobs="jobs-lcg-a.csv"),
    Workload(
        "services-a, spot-us-east-2b-16", "m5.2xlarge", 240, services="services-a.csv", market="spot-us-east-2b-16.json"
    ),
    Workload("services-a and openb-a", "r5.8xlarge", 240, jobs="jobs-openb-a.csv", services="services-a.csv"),
    # The Spot traces are much harsher than most fleets see. So the same workloads also run with a mild market, and
    # without interruptions.
    Workload("openb-a, mild Spot", "r5.8xlarge", 360, jobs="jobs-openb-a.csv", market=MILD, promised=False),
    Workload("openb-a, no interruptions", "r5.8xlarge", 360, jobs="jobs-openb-a.csv", promised=False),
    Workload("services-a, mild Spot", "m5.2xlarge", 240, services="services-a.csv", market=MILD, promised=False),
    Workload("services-a, no interruptions", "m5.2xlarge", 240, services="services-a.csv", promised=False),
    # No default was chosen on these.
    Workload("nightly, held out", "m5.4xlarge", 72, work=held_out.nightly, market=MILD, promised=False),
    Workload("offices, held out", "m5.2xlarge", 72, work=held_out.offices, market=MILD, promised=False),
    Workload("crowd, held out", "m5.8xlarge", 48, work=held_out.crowd, market=MILD, promised=False),
)


PROMISED = tuple(w for w in WORKLOADS if w.promised)


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one policy on one workload.

    They are medians over the seeds; of `unplaced`, `killed` and `failed_requests`, the worst seed counts.

    Attributes:
        usd: what the instance-hours cost (`simulator.prices`).
    """

    policy: str
    wait_p50_s: float
    wait_p95_s: float
    wait_p99_s: float
    on_demand_hours: float
    spot_hours: float
    usd: float
    over_lower_bound: float
    unplaced: int
    killed: int
    failed_requests: int
    interruptions: int
    api_calls: int
    hours: float
    wall_s: float

    @property
    def wall_s_a_day(self) -> float:
        """Real seconds to simulate a day."""
        return self.wall_s / self.hours * 24

    @property
    def cost(self) -> float:
        """The cost of instances and waiting in one figure: USD x (1 + wait p95 / 60 s)."""
        return self.usd * (1 + self.wait_p95_s / WAIT_THAT_DOUBLES_S)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The figures of all policies on one workload.

    Attributes:
        lower_bound: instance-hours that no policy can be under if no task may wait.
        whole_instances: the same if instances cannot be divided.
    """

    workload: Workload
    lower_bound: float
    whole_instances: float
    rows: tuple[Row, ...]

    def promises(self) -> list[tuple[str, bool, str]]:
        """Return each promise, whether it is kept, and its figures; those without a run of theirs are left out."""
        ours = next((row for row in self.rows if row.policy == OURS), None)
        if ours is None:
            return []
        peers = [row for row in self.rows if row.policy != OURS]
        latest = BOOT_S + SPARE_WAIT_S
        return [
            *([_beside(ours, peers)] if peers else []),
            (
                f"instance-hours at most {MOST_OVER_LOWER_BOUND:.2f} x the lower bound",
                ours.over_lower_bound <= MOST_OVER_LOWER_BOUND,
                f"{ours.over_lower_bound:.2f} (whole instances: {self.whole_instances / self.lower_bound:.2f})",
            ),
            ("wait p50 at most 5 s", ours.wait_p50_s <= 5, f"{ours.wait_p50_s:.0f} s"),
            (f"wait p95 at most {latest:.0f} s", ours.wait_p95_s <= latest, f"{ours.wait_p95_s:.0f} s"),
            (
                "nothing unplaced, killed or failed",
                not (ours.unplaced or ours.killed or ours.failed_requests),
                f"{ours.unplaced}, {ours.killed}, {ours.failed_requests}",
            ),
        ]


def _beside(ours: Row, peers: Sequence[Row]) -> tuple[str, bool, str]:
    waits, usd = min(p.wait_p95_s for p in peers), min(p.usd for p in peers)
    best = min(peers, key=lambda p: p.cost)
    both = ours.wait_p95_s < waits and ours.usd <= usd
    better = [p.policy for p in peers if p.wait_p95_s < ours.wait_p95_s and p.usd < ours.usd]
    cheaper = ours.cost <= LESS_THAN_BEST_PEER * best.cost and not better
    return (
        "less waiting and no more USD than any peer; or a cost 20 % under that of the best peer",
        both or cheaper,
        f"cost {ours.cost:,.0f}; {best.policy}: {best.cost:,.0f}",
    )


def seeds_of(workload: Workload, seeds: int) -> range:
    """Return the seeds of a workload's runs: `seeds` of them, or one for a workload without promises."""
    return range(seeds if workload.promised else 1)


@dataclass(frozen=True, slots=True)
class Run:
    """One policy on one workload, with one seed."""

    workload: Workload
    policy: str
    seed: int


def compare(
    folder: Path,
    workloads: Sequence[Workload],
    seeds: int,
    at_once: int,
    done: Callable[[str], None] = lambda what: None,
    names: Collection[str] = policies.POLICIES,
    spot_share: float = SPOT_SHARE,
) -> Iterator[Comparison]:
    """Run the policies on each of `workloads`, and yield the comparison of each workload.

    Args:
        folder: the folder of the traces.
        seeds: with how many seeds each policy runs.
        at_once: how many runs are simulated at the same time, each in its own process.
        done: called after each run, with the names of the run.
        names: of the policies.
        spot_share: the fraction of the list price that Spot is taken to cost.
    """
    runs = [Run(w, policy, seed) for w in workloads for policy in names for seed in seeds_of(w, seeds)]
    # The longest runs begin first, so that no long run is left alone at the end.
    longest_first = sorted(runs, key=lambda run: -run.workload.hours)
    every = run_all(
        partial(figures, folder),
        longest_first,
        at_once,
        lambda run: done(f"{run.workload.name}, {run.policy}, seed {run.seed}"),
    )
    found = dict(zip(longest_first, every, strict=True))
    for workload in workloads:
        rows = tuple(
            _row(
                policy,
                [found[Run(workload, policy, seed)] for seed in seeds_of(workload, seeds)],
                workload.instance_type,
                spot_share,
            )
            for policy in names
        )
        yield Comparison(workload, *_bounds(workload, folder), rows)


def figures(folder: Path, run: Run) -> Mapping[str, Any]:
    """Simulate `run` with the traces in `folder`, and return its figures."""
    plan = run.workload.plan(folder, run.seed)
    scenario = Scenario((plan,), run.workload.hours, run.seed, {"max_capacity": MAX_CAPACITY})
    return simulate(run.policy, scenario).figures


def _bounds(workload: Workload, folder: Path) -> tuple[float, float]:
    size = registered_size(workload.instance_type)
    plan, _ = fitting(workload.plan(folder))
    until_s = workload.hours * 3600
    return lower_bound_instance_hours(plan, size, until_s), whole_instance_hours(plan, size, until_s)


def _row(policy: str, figures: Sequence[Mapping[str, Any]], instance_type: str, spot_share: float) -> Row:
    def median(of: Callable[[Mapping[str, Any]], float]) -> float:
        return statistics.median(of(f) for f in figures)

    return Row(
        policy,
        median(lambda f: f["wait_seconds"]["p50"]),
        median(lambda f: f["wait_seconds"]["p95"]),
        median(lambda f: f["wait_seconds"]["p99"]),
        median(lambda f: hours_bought(f["instance_hours_by"], Purchase.ON_DEMAND)),
        median(lambda f: hours_bought(f["instance_hours_by"], Purchase.SPOT)),
        median(lambda f: dollars(f["instance_hours_by"], spot_share)),
        median(lambda f: hours_of(f["instance_hours_by"], instance_type) / f["lower_bound_instance_hours"]),
        # These must never happen, so the worst seed counts.
        max(f["unplaced_tasks"] for f in figures),
        max(f["tasks_killed_in_service"] for f in figures),
        max(f["failed_requests"] for f in figures),
        round(median(lambda f: f["interruptions"])),
        round(median(lambda f: sum(f["api_calls"].values()))),
        median(lambda f: f["simulated_hours"]),
        median(lambda f: f["wall_seconds"]),
    )
