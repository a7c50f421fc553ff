"""How much each headline figure depends on what AWS does not publish: each such quantity at half and at double.

A claim that holds as the account is, and not at half or at double of one quantity, turns round: it is not to be made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simulator.bench.interruption import interruption
from simulator.bench.reclaim_matrix import most_killed
from simulator.comparison import LESS_THAN_BEST_PEER, MAX_CAPACITY, OURS, WAIT_THAT_DOUBLES_S, Workload
from simulator.ec2 import BOOT_S
from simulator.policies import ecs_alone
from simulator.prices import dollars
from simulator.processes import run_all
from simulator.simulation import Scenario, simulate
from simulator.timing import Timing
from simulator.workload import synthetic
from steady.list_prices import SPOT_SHARE

HALF, DOUBLE = 0.5, 2.0
TASKS_AN_INSTANCE = 9
# What is promised of a reclaim (docs/benchmarks.md), in seconds after the notice.
DEREGISTERED_S = 30.0


@dataclass(frozen=True, slots=True)
class Account:
    """How fast the simulated account is. `boot_s` is the mean time of a boot, in seconds."""

    boot_s: float = BOOT_S
    timing: Timing = Timing.as_aws()  # noqa: RUF009 - it is frozen


def _fleet(timing: Timing, factor: float) -> Timing:
    lowest, highest = timing.fulfil_s or (0.0, 0.0)
    return replace(timing, fulfil_s=(factor * lowest, factor * highest))


# The quantities that AWS does not publish, and how an account has each of them `factor` times as long.
QUANTITIES: Mapping[str, Callable[[Account, float], Account]] = {
    "boot": lambda one, factor: replace(one, boot_s=factor * one.boot_s),
    "fleet and group latency": lambda one, factor: replace(one, timing=_fleet(one.timing, factor)),
    "call latency": lambda one, factor: replace(
        one, timing=replace(one.timing, latency_s=factor * one.timing.latency_s)
    ),
    "image pull": lambda one, factor: replace(one, timing=replace(one.timing, pull_s=factor * one.timing.pull_s)),
    "event latency": lambda one, factor: replace(one, timing=replace(one.timing, event_s=factor * one.timing.event_s)),
}


@dataclass(frozen=True, slots=True)
class Variant:
    """An account in which one quantity is `factor` times as long; no quantity: the account as it is."""

    quantity: str = ""
    factor: float = 1.0

    @property
    def account(self) -> Account:
        return QUANTITIES[self.quantity](Account(), self.factor) if self.quantity else Account()


VARIANTS = (Variant(), *(Variant(name, factor) for name in QUANTITIES for factor in (HALF, DOUBLE)))


@dataclass(frozen=True, slots=True)
class Found:
    """One headline figure in one account, and whether the claim holds there."""

    value: float
    holds: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """One headline figure, what is claimed of it, and what was found in each account of `VARIANTS`."""

    figure: str
    unit: str
    claim: str
    found: Mapping[Variant, Found]

    @property
    def base(self) -> Found:
        """The figure in the account as it is."""
        return self.found[Variant()]

    def turns_round(self) -> list[str]:
        """Return where the claim does not hold, each as text; nothing where it holds everywhere."""
        where = {Variant(): "as the account is"}
        where |= {
            v: f"with the {v.quantity} at {'half' if v.factor < 1 else 'double'}" for v in self.found if v.quantity
        }
        broken = [(where[v], one.value) for v, one in self.found.items() if not one.holds]
        return [f"{self.figure}: {self.claim}: {value:,.4g} {self.unit} {place}" for place, value in broken]


# The figures of one part in one account: by figure, its unit, the claim, and what was found.
Figures = Mapping[str, tuple[str, str, Found]]


@dataclass(frozen=True, slots=True)
class Day:
    """The README's figures: the demo's day with the suite, and with what ECS does alone."""

    hours: float
    seed: int = 0

    def measure(self, account: Account) -> Figures:
        plans = synthetic.day(self.hours, self.seed)
        scenario = Scenario(plans, self.hours, self.seed, boot_s=account.boot_s, timing=account.timing)
        ours, alone = (simulate(policy, scenario).figures for policy in (OURS, ecs_alone.NAME))
        killed = ours["tasks_killed_in_service"]
        waits = [round(f["wait_seconds"]["total"] / 60) for f in (ours, alone)]
        usd = [round(dollars(f["instance_hours_by"]), 2) for f in (ours, alone)]
        return {
            "demo: tasks killed in service": ("tasks", "none", Found(killed, killed == 0)),
            "demo: tasks waited in all": ("min", "less than with ECS alone", Found(waits[0], waits[0] < waits[1])),
            "demo: cost": ("USD", "at most that of ECS alone", Found(usd[0], usd[0] <= usd[1])),
        }


@dataclass(frozen=True, slots=True)
class Reclaim:
    """The figures of a reclaim of a whole fleet, as `steady bench limits` promises them. Nothing depends on boots."""

    instances: int

    def measure(self, account: Account) -> Figures:
        figures = interruption(self.instances, TASKS_AN_INSTANCE, timing=account.timing)
        left, most = figures["deregistered_s"], most_killed(figures)
        killed, failed = figures["tasks_killed_in_service"], figures["failed_requests"]
        of = f"reclaim of {self.instances}"
        return {
            f"{of}: all targets deregistered": ("s", "at most 30 s", Found(left, left <= DEREGISTERED_S)),
            f"{of}: tasks killed in service": ("tasks", "as the API's rate allows", Found(killed, killed <= most)),
            f"{of}: failed requests": ("requests", "none", Found(failed, failed == 0)),
        }


@dataclass(frozen=True, slots=True)
class Traces:
    """The cost of a workload of real traces, beside that of each peer."""

    folder: Path
    workload: Workload
    peers: Sequence[str]

    def measure(self, account: Account) -> Figures:
        plan, hours = self.workload.plan(self.folder), self.workload.hours
        scenario = Scenario(
            (plan,), hours, thresholds={"max_capacity": MAX_CAPACITY}, boot_s=account.boot_s, timing=account.timing
        )
        costs = {name: _cost(simulate(name, scenario).figures) for name in (OURS, *self.peers)}
        ours = costs.pop(OURS)
        holds = ours <= LESS_THAN_BEST_PEER * min(costs.values())
        claim = f"at most {LESS_THAN_BEST_PEER:g} x that of the best peer"
        return {f"{self.workload.name}: cost with waits": ("USD", claim, Found(ours, holds))}


Part = Day | Reclaim | Traces


def _cost(figures: Mapping[str, Any]) -> float:
    usd = dollars(figures["instance_hours_by"], SPOT_SHARE)
    wait_p95_s: float = figures["wait_seconds"]["p95"]
    return round(usd * (1 + wait_p95_s / WAIT_THAT_DOUBLES_S), 2)


def measure(parts: Sequence[Part], at_once: int, done: Callable[[], None] = lambda: None) -> list[Claim]:
    """Measure each of `parts` in every account of `VARIANTS`, and return its claims.

    Args:
        at_once: how many are simulated at the same time, each in its own process.
        done: called after each part of each account.
    """
    runs = [(part, variant) for part in parts for variant in VARIANTS]
    every = dict(zip(runs, run_all(_measure_one, runs, at_once, lambda _: done()), strict=True))
    return [
        Claim(name, unit, claim, {variant: every[part, variant][name][2] for variant in VARIANTS})
        for part in parts
        for name, (unit, claim, _) in every[part, Variant()].items()
    ]


def _measure_one(run: tuple[Part, Variant]) -> Figures:
    part, variant = run
    return part.measure(variant.account)
