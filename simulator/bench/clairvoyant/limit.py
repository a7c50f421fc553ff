"""Run the suite on a workload, and ask the clairvoyant what the same waiting must cost at least."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from simulator import prices
from simulator.bench.clairvoyant import program
from simulator.bench.clairvoyant.market import Market
from simulator.bench.clairvoyant.spending import Spending
from simulator.bench.clairvoyant.work import units
from simulator.comparison import MAX_CAPACITY, OURS, PROMISED, Workload
from simulator.ec2 import BOOT_S, BOOT_SPREAD, SHORTEST_BOOT
from simulator.instance_types import registered_size
from simulator.outcome import Outcome
from simulator.processes import run_all
from simulator.simulation import Scenario, simulate
from simulator.workload import held_out, karpenter
from simulator.workload.plan import ClusterPlan, fitting
from steady.list_prices import SPOT_SHARE
from steady.thresholds import DEFAULTS

# Those of which something is promised, a workload of bursts, and Karpenter's own test.
WORKLOADS = (
    *PROMISED,
    Workload("bursts", "m5.4xlarge", 24, work=held_out.nightly, promised=False),
    Workload("Karpenter's test", karpenter.INSTANCE_TYPE, karpenter.HOURS, work=karpenter.basic, promised=False),
)
# The goal: dollars at most this many times those of the clairvoyant, at no more waiting.
MOST_OVER_CLAIRVOYANT = 1.10
# 95th percentiles of waiting, in seconds, for which the clairvoyant is asked, beside that of the suite.
WAITS_S = (30.0, 90.0, 180.0)
# The figures of waiting are rounded to a tenth of a second.
ROUNDING_S = 0.05
# A finer grid could prove more, but with more instants the search ends far from its optimum.
INSTANTS = 1500


@dataclass(frozen=True)
class Limit:
    """One workload: what the suite paid, and what the clairvoyant cannot be under.

    Attributes:
        wait_s, longest_s: the 95th percentile and the longest wait of the suite.
        usd: what the suite paid.
        at_wait: the clairvoyant with the same 95th percentile and the same longest wait.
        by_what_runs: the same if it never asks the market for more than it runs. A policy that does may cost less.
        at: the clairvoyant by the 95th percentile of waiting, in seconds.
        spent: what the suite paid, by what it was for.
    """

    workload: str
    hours: float
    tasks: int
    wait_s: float
    longest_s: float
    usd: float
    at_wait: program.Answer
    by_what_runs: program.Answer
    at: Mapping[float, program.Answer] = field(default_factory=dict)
    spent: Mapping[str, float] = field(default_factory=dict)

    @property
    def over(self) -> float:
        """The suite's dollars, divided by those that no policy can be under. Without any work, it is 1."""
        return self.usd / self.at_wait.usd if self.at_wait.usd else 1.0

    @property
    def kept(self) -> bool:
        return self.over <= MOST_OVER_CLAIRVOYANT


@dataclass(frozen=True)
class Settings:
    """How a workload is measured.

    Attributes:
        waits_s: further 95th percentiles for which the clairvoyant is asked.
        search_s: seconds of each search.
    """

    folder: Path
    seed: int = 0
    spot_share: float = SPOT_SHARE
    search_s: float = 60.0
    waits_s: Sequence[float] = WAITS_S


def measure_all(
    settings: Settings, workloads: Sequence[Workload], at_once: int, done: Callable[[str], None] = lambda name: None
) -> list[Limit]:
    """Measure each of `workloads`, each in a process of its own. `done` is called with the name of each.

    Raises:
        BadTrace: if a trace is missing or cannot be read.
        NoSearch: if OR-tools is not installed.
    """
    program.solvers()
    return run_all(partial(measure, settings), workloads, at_once, lambda workload: done(workload.name))


def measure(settings: Settings, workload: Workload) -> Limit:
    """Run the suite on `workload`, and return its limit. It raises as `measure_all` does."""
    plan = workload.plan(settings.folder, settings.seed)
    spending = Spending(float(DEFAULTS["scale_in_after_seconds"]), settings.spot_share)
    scenario = Scenario((plan,), workload.hours, settings.seed, {"max_capacity": MAX_CAPACITY})
    outcome = simulate(OURS, scenario, watch=spending.look)
    figures, waits = outcome.figures, outcome.figures["wait_seconds"]
    usd = prices.dollars(figures["instance_hours_by"], settings.spot_share)

    most = most_asked_for(outcome)

    def ask(wait_s: float, *, by_what_runs: bool = False) -> program.Answer:
        market = Market(most, plan.market, by_what_runs)
        asked = question(plan, workload.hours * 3600, wait_s, outcome, market, settings.spot_share)
        return program.answer(asked, settings.search_s)

    return Limit(
        workload.name,
        workload.hours,
        figures["tasks"],
        waits["p95"],
        waits["max"],
        usd,
        ask(waits["p95"]),
        ask(waits["p95"], by_what_runs=True),
        {wait_s: ask(wait_s) for wait_s in settings.waits_s},
        spending.dollars(usd),
    )


def question(
    plan: ClusterPlan,
    until_s: float,
    wait_s: float,
    outcome: Outcome,
    market: Market,
    spot_share: float = SPOT_SHARE,
) -> program.Question:
    """Return what the clairvoyant is asked of `plan`: as little waiting as `wait_s`, and no longer one than `outcome`.

    It may have as many late tasks as the run of `outcome` had, in which interrupted jobs count again.
    """
    size = registered_size(plan.instance_type)
    kept, _ = fitting(plan)
    listed = prices.listed(plan.instance_type, spot_share)
    return program.Question(
        units(kept, until_s),
        size,
        until_s,
        wait_s + ROUNDING_S,
        program.late_tasks(outcome.figures["tasks"]),
        max(wait_s, outcome.figures["wait_seconds"]["max"]) + ROUNDING_S,
        BOOT_S * min(BOOT_SPREAD[0], SHORTEST_BOOT),
        listed.on_demand,
        listed.of("spot", plan.instance_type),
        market,
        step_of(until_s),
    )


def most_asked_for(outcome: Outcome) -> int:
    """Return the largest target that the suite had, by the samples and by the decisions that it logged."""
    sampled = [sample.target for record in outcome.clusters for sample in record.samples]
    logged: list[int] = [
        line.fields["target"] for line in outcome.log_lines if isinstance(line.fields.get("target"), int)
    ]
    return max([*sampled, *logged])


def step_of(until_s: float) -> float:
    """Return the step of the grid in seconds: whole minutes, or a half of one, such that a market's steps are on it.

    >>> [step_of(hours * 3600) for hours in (12, 24, 240)]
    [30.0, 60.0, 300.0]
    """
    return next((step for step in (30.0, 60.0, 100.0, 150.0) if until_s / step <= INSTANTS), 300.0)
