"""Karpenter's own performance test (`simulator.workload.karpenter`), with the suite and with peers.

kubernetes-sigs/karpenter, `test/suites/performance/basic_test.go`: all 1,000 pods run within two minutes, with more
than 53 % of the CPU and 65 % of the memory of the nodes reserved. The nodes are consolidated for 700 within 20 minutes.
The test may run with nodes that are there at once (kwok), and a provider may set its own thresholds (`thresholds.go`).
Here, every instance boots.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulator.comparison import MAX_CAPACITY, OURS
from simulator.outcome import Sample
from simulator.policies import cluster_autoscaler, karpenter, managed_instances, managed_scaling
from simulator.processes import run_all
from simulator.simulation import Scenario, simulate
from simulator.workload import karpenter as karpenter_work
from simulator.workload.karpenter import BEGIN_S, FEWER_S, HOURS, INSTANCE_TYPE
from simulator.workload.plan import ClusterPlan
from steady.pools import PoolKind

MOST_OUT_S, MOST_IN_S = 120.0, 1200.0
LEAST_CPU_PERCENT, LEAST_MEMORY_PERCENT = 53.0, 65.0
POLICIES = (
    OURS,
    karpenter.KARPENTER.name,
    karpenter.KARPENTER_ANY_SIZE.name,
    managed_instances.NAME,
    cluster_autoscaler.NAME,
    managed_scaling.NAME,
)


@dataclass(frozen=True, slots=True)
class Result:
    """One policy.

    Attributes:
        out_s: seconds until the last of the 1,000 tasks has its place.
        instances: how many there are then, with the percentages of their CPU and memory that are reserved.
        in_s: seconds from the smaller desired counts until the number of instances changes no more, to the minute.
        instances_after: how many are left, with their percentages.
        unplaced: tasks that have no place in the end.
    """

    policy: str
    out_s: float
    instances: int
    cpu_percent: float
    memory_percent: float
    in_s: float
    instances_after: int
    cpu_percent_after: float
    memory_percent_after: float
    unplaced: int

    def promises(self) -> list[tuple[str, bool]]:
        """Return what Karpenter's test asks for, and whether it is so."""
        return [
            (f"1,000 tasks placed in {self.out_s:.0f} s, under {MOST_OUT_S:.0f} s", self.out_s < MOST_OUT_S),
            (
                f"CPU reserved {self.cpu_percent:.0f} %, over {LEAST_CPU_PERCENT:.0f} %",
                self.cpu_percent > LEAST_CPU_PERCENT,
            ),
            (
                f"memory reserved {self.memory_percent:.0f} %, over {LEAST_MEMORY_PERCENT:.0f} %",
                self.memory_percent > LEAST_MEMORY_PERCENT,
            ),
            (f"from 1,000 to 700 in {self.in_s:.0f} s, under {MOST_IN_S:.0f} s", self.in_s < MOST_IN_S),
            (f"{self.unplaced} tasks without a place, none", not self.unplaced),
        ]


def plan() -> ClusterPlan:
    """Return the workload, on a pool of Spot Instances without interruptions."""
    return ClusterPlan(
        "pods",
        PoolKind.SPOT_FLEET,
        INSTANCE_TYPE,
        services=karpenter_work.basic(HOURS).services,
        requests_per_s=0.0,
        on_spot=True,
    )


def measure(
    at_once: int, policies: Sequence[str] = POLICIES, done: Callable[[str], None] = lambda name: None
) -> list[Result]:
    """Run the test with each policy, each in a process of its own. `done` is called with the name of each."""
    return run_all(run, policies, at_once, done)


def run(policy: str) -> Result:
    """Run the test with `policy`."""
    outcome = simulate(policy, Scenario((plan(),), HOURS, thresholds={"max_capacity": MAX_CAPACITY}))
    samples, figures = outcome.clusters[0].samples, outcome.figures
    full = next((s for s in samples if s.at_s > BEGIN_S and not s.waiting_tasks and s.instances), samples[-1])
    last = samples[-1]
    return Result(
        policy,
        figures["wait_seconds"]["max"],
        full.instances,
        full.cpu_percent,
        full.memory_percent,
        settled_at(samples) - FEWER_S,
        last.instances,
        last.cpu_percent,
        last.memory_percent,
        figures["unplaced_tasks"],
    )


def settled_at(samples: Sequence[Sample]) -> float:
    """Return from when on the number of instances stays what it is in the end, but not before `FEWER_S`."""
    changed = [after.at_s for before, after in itertools.pairwise(samples) if before.instances != after.instances]
    return max([FEWER_S, *changed])
