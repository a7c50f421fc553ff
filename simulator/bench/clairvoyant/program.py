"""The clairvoyant as a mixed-integer program, each of whose bounds no policy can be under.

Any run of a policy on the plan becomes a solution that costs no more:

- At each instant, whole instances hold what runs then, by the sum of CPU and memory. In each slot, their mean holds the
  mean of what runs. Neither how tasks are packed nor where they may run counts.
- An instance that can take tasks at an instant and could not at the one before was launched a boot before, and paid.
- Spot: the pool holds at most the market's share of its target (`Market.most`), rounded, and one more by rounding. A
  fall of the market takes the same share of it, half an instance less at most, two minutes later.
- For two minutes and the longest wait after a fall, whatever ran on Spot Instances may be waiting once more.
- `late` units may wait for longer than `wait_s`, up to `longest_s`: only what runs in any case then is counted.

So it holds for every policy that stops no task but for a reclaim, and whose target is at most `Market.most`.
"""

from __future__ import annotations

import importlib.util
import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import ModuleType
from typing import Any

from simulator.bench.clairvoyant.market import Market
from simulator.bench.clairvoyant.work import Grid, Profile, Unit
from simulator.bench.placement import or_tools
from simulator.spot_market import NOTICE_S
from steady.cluster import Size

# Noise of floating-point numbers shall not turn one instance into two.
EPSILON = 1e-6


@dataclass(frozen=True)
class Question:
    """What the clairvoyant is asked.

    Attributes:
        size: of an instance.
        wait_s: how long a task may wait, but for `late` of them, which may wait up to `longest_s`.
        boot_s: the least seconds from a launch until the instance can take tasks. It is paid.
        on_demand, spot: the price of an instance-hour.
    """

    units: Sequence[Unit]
    size: Size
    until_s: float
    wait_s: float
    late: int
    longest_s: float
    boot_s: float
    on_demand: float
    spot: float
    market: Market
    step_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """`usd`: no policy can cost less. `found_usd`: the best solution of the program that was found; None: none was."""

    usd: float
    found_usd: float | None
    seconds: float


def late_tasks(tasks: int) -> int:
    """Return how many of `tasks` may wait for longer than the 95th percentile (`statistics.quantiles`, inclusive).

    >>> late_tasks(21), late_tasks(100)
    (1, 5)
    """
    return tasks - 1 - math.floor(0.95 * (tasks - 1)) if tasks else 0


def solvers() -> ModuleType:
    """Import MathOpt of OR-tools.

    Raises:
        NoSearch: if OR-tools is not installed.
    """
    return or_tools("math_opt.python.mathopt")


def is_installed() -> bool:
    """Whether OR-tools is installed."""
    return importlib.util.find_spec("ortools") is not None


def answer(question: Question, search_s: float = 60.0) -> Answer:
    """Return the least cost that HiGHS proves: with divisible instances, and then with whole ones.

    Args:
        search_s: seconds of the second search; the first one takes what it takes.

    Raises:
        NoSearch: if OR-tools is not installed.
    """
    mathopt = solvers()
    program = _Program(mathopt, question)
    proven, found, seconds = 0.0, None, 0.0
    for whole, limit in ((False, None), (True, timedelta(seconds=search_s))):
        for variable in program.instances:
            variable.integer = whole
        limits = mathopt.SolveParameters(time_limit=limit)
        result = mathopt.solve(program.model, mathopt.SolverType.HIGHS, params=limits)
        bounds = result.termination.objective_bounds
        seconds += result.solve_time().total_seconds()
        if math.isfinite(bounds.dual_bound):
            proven = max(proven, bounds.dual_bound)
        if whole and math.isfinite(bounds.primal_bound):
            found = bounds.primal_bound
    return Answer(proven, found, seconds)


@dataclass
class _Row:
    """A linear expression: variables with their factors, and a constant."""

    terms: dict[Any, float] = field(default_factory=dict)
    constant: float = 0.0

    def add(self, variable: Any, factor: float = 1.0) -> None:
        self.terms[variable] = self.terms.get(variable, 0.0) + factor

    def add_all(self, other: _Row) -> None:
        for variable, factor in other.terms.items():
            self.add(variable, factor)
        self.constant += other.constant


class _Program:
    """The variables and constraints of a question. All loads are in instances."""

    def __init__(self, mathopt: ModuleType, question: Question) -> None:
        self.asked = question
        self.model = mathopt.Model()
        market = question.market
        self.changes = market.changes(question.until_s)
        self.falls = [at for at in self.changes if market.share(at) < market.before(at)]
        self.grid = Grid.of(question.until_s, question.step_s, self.falls)
        self.index = {at: k for k, at in enumerate(self.grid.instants)}
        self.count = len(self.grid.instants)
        # Of each resource: by how much the load changes at each instant, and in each slot.
        self.at = {name: [_Row() for _ in range(self.count)] for name in ("cpu", "memory")}
        self.mean = {name: [_Row() for _ in range(self.count + 2)] for name in ("cpu", "memory")}
        # What runs at each instant in any case, whichever units are late.
        self.least = {name: [0.0] * (self.count + 1) for name in ("cpu", "memory")}
        self._add_work()
        self._add_instances()

    def _require(self, row: _Row, lower: float = -math.inf, upper: float = math.inf) -> None:
        """Let the value of `row` be in these bounds."""
        constraint = self.model.add_linear_constraint(lb=lower - row.constant, ub=upper - row.constant)
        for variable, factor in row.terms.items():
            constraint.set_coefficient(variable, factor)

    def _add_work(self) -> None:
        asked, model, grid = self.asked, self.model, self.grid
        all_late = _Row()
        for unit in asked.units:
            prompt = grid.starts(unit, asked.wait_s)
            late = grid.compulsory(unit, max(asked.longest_s, asked.wait_s))
            self._note_least(unit, late)
            # The first of the starts, unless the unit begins at another one, or is late.
            self._load(unit, prompt[0], None)
            others = [*prompt[1:], *([late] if late != prompt[0] or len(prompt) > 1 else [])]
            parts = _Row()
            for profile in others:
                part = model.add_variable(lb=0, ub=1)
                parts.add(part)
                self._load(unit, prompt[0], part, -1)
                self._load(unit, profile, part)
            if others and others[-1] is late:
                all_late.add(part)
            if len(others) > 1:
                self._require(parts, upper=1)
        self.least = {name: list(itertools.accumulate(changes)) for name, changes in self.least.items()}
        self._require(all_late, upper=asked.late)

    def _note_least(self, unit: Unit, profile: Profile) -> None:
        for name, load in self._loads(unit):
            self.least[name][profile.first] += load
            self.least[name][profile.last] -= load

    def _loads(self, unit: Unit) -> tuple[tuple[str, float], ...]:
        whole = self.asked.size
        cpu, memory = unit.size.cpu_units / whole.cpu_units, unit.size.memory_mib / whole.memory_mib
        return ("cpu", cpu), ("memory", memory)

    def _load(self, unit: Unit, profile: Profile, variable: Any, sign: int = 1) -> None:
        for name, load in self._loads(unit):
            changes = [(self.at[name][profile.first], load)] if profile.first < profile.last else []
            if changes and profile.last < self.count:
                changes.append((self.at[name][profile.last], -load))
            changes += [(self.mean[name][slot], load * change) for slot, change in profile.slots]
            for row, change in changes:
                if variable is None:
                    row.constant += sign * change
                else:
                    row.add(variable, sign * change)

    def _add_instances(self) -> None:
        asked, model, t = self.asked, self.model, self.grid.instants
        cost = _Row()
        spot = [model.add_integer_variable(lb=0, ub=asked.market.most_held(at, at, self.changes)) for at in t]
        on_demand = [model.add_integer_variable(lb=0) for _ in t]
        self.instances = [*spot, *on_demand]
        new_spot: list[Any] = [None]
        for k in range(1, self.count):
            hours = (t[k] - t[k - 1]) / 3600
            most = asked.market.most_held(t[k - 1], t[k], self.changes)
            means = []
            for held, price, cap in ((spot, asked.spot, most), (on_demand, asked.on_demand, math.inf)):
                new, mean = model.add_variable(lb=0), model.add_variable(lb=0, ub=cap)
                self._require(_Row({new: 1.0, held[k]: -1.0, held[k - 1]: 1.0}), lower=0)
                self._require(_Row({mean: 1.0, held[k]: -1.0, new: 1.0}), lower=0)
                cost.add(mean, price * hours)
                cost.add(new, price * asked.boot_s / 3600)
                means.append(mean)
                if held is spot:
                    new_spot.append(new)
            self._hold_slot(k, means, spot)
        for k in range(self.count):
            self._hold_instant(k, spot, on_demand)
        for fall in self.falls:
            self._lose(fall, spot, new_spot)
        for variable, usd in cost.terms.items():
            model.objective.set_linear_coefficient(variable, usd)
        model.objective.is_maximize = False

    def _spare(self, from_s: float, to_s: float, spot: Sequence[Any]) -> _Row:
        """Return what may be waiting once more in the interval: all that ran on Spot at a fall shortly before."""
        row = _Row()
        again_s = NOTICE_S + max(self.asked.longest_s, self.asked.wait_s)
        for fall in self.falls[bisect_left(self.falls, from_s - again_s) : bisect_right(self.falls, to_s)]:
            row.add(spot[self.index[fall]], 1.0)
        return row

    def _hold_slot(self, k: int, means: Sequence[Any], spot: Sequence[Any]) -> None:
        spare = self._spare(self.grid.instants[k - 1], self.grid.instants[k], spot)
        for changes in self.mean.values():
            self._hold(changes, k, means, spare)

    def _hold_instant(self, k: int, spot: Sequence[Any], on_demand: Sequence[Any]) -> None:
        spare = self._spare(self.grid.instants[k], self.grid.instants[k], spot)
        for changes in self.at.values():
            self._hold(changes, k, [spot[k], on_demand[k]], spare)
        if not spare.terms:
            least = math.ceil(max(loads[k] for loads in self.least.values()) - EPSILON)
            self._require(_Row({spot[k]: 1.0, on_demand[k]: 1.0}), lower=least)
        if self.asked.market.by_what_runs:
            at = self.grid.instants[k]
            share = self.asked.market.largest_share(at, at, self.changes)
            # Rounded to the nearest, and so is what is left of it after a fall.
            self._require(_Row({spot[k]: 1.0 - share, on_demand[k]: -share}), upper=1.0 if share else 0.0)

    def _hold(self, changes: list[_Row], k: int, instances: Sequence[Any], spare: _Row) -> None:
        """Let `instances` and `spare` hold the load: the sum of the changes up to `k`, which becomes a variable."""
        row = changes[k]
        if len(row.terms) > 1:
            load = self.model.add_variable()
            row.add(load, -1.0)
            self._require(row, lower=0, upper=0)
            row = _Row({load: 1.0})
        if k + 1 < len(changes):
            changes[k + 1].add_all(row)
        held = _Row({**dict.fromkeys(instances, 1.0)})
        held.add_all(spare)
        for variable, factor in row.terms.items():
            held.add(variable, -factor)
        held.constant -= row.constant
        self._require(held, lower=-EPSILON)

    def _lose(self, fall: float, spot: Sequence[Any], new_spot: Sequence[Any]) -> None:
        """Let a fall take its share of the Spot Instances, two minutes later."""
        before, after = self.index[fall], bisect_left(self.grid.instants, fall + NOTICE_S)
        if after == self.count:
            return
        left = self.asked.market.share(fall) / self.asked.market.before(fall)
        row = _Row({spot[after]: 1.0})
        row.add(spot[before], -left)
        for new in new_spot[before + 1 : after + 1]:
            row.add(new, -1.0)
        self._require(row, upper=0.5 if left else 0.0)
