"""Measure the joint choice of pools by dollars (the expander `price`) against an integer program."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.bench.placement import cp_model
from simulator.ec2 import ZONES
from simulator.instance_types import registered_size
from steady.cluster import InstanceShape, Size, Snapshot, TaskShape
from steady.list_prices import list_price
from steady.pools import Pool, PoolKind, PoolName
from steady.scaling.candidate import Candidate
from steady.scaling.cheapest import Bought, Option, cheapest, options_of
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds

SIZES = ("large", "xlarge", "2xlarge", "4xlarge", "12xlarge")
TYPES = tuple(f"{family}.{size}" for family in ("c5", "m5", "r5", "r6i") for size in SIZES)
POOLS = 5
CPU_UNITS = (128, 256, 512, 1024, 2048, 4096)
MEMORY_MIB = (256, 512, 1024, 2048, 4096, 8192, 16_384)
# The fraction of the list price that Spot costs in a zone.
SPOT = (0.2, 0.65)
# Fractions of a dollar in the integer program.
PARTS = 1_000_000


@dataclass(frozen=True)
class Case:
    """Tasks that wait, and five pools that could grow for them: two on-demand, three on Spot, each of four types."""

    tasks: Counter[TaskShape]
    candidates: tuple[Candidate, ...]

    @staticmethod
    def random(seed: int, tasks: int = 0, kinds: int = 0) -> Case:
        """Return a random case of 20 to 60 tasks of 3 to 10 sizes; or of so many `tasks` of so many `kinds`."""
        rng = random.Random(seed)
        sizes = [
            TaskShape(Size(rng.choice(CPU_UNITS), rng.choice(MEMORY_MIB) + 64 * rng.randrange(4)))
            for _ in range(kinds or rng.randint(3, 10))
        ]
        waiting = Counter(rng.choices(sizes, k=tasks or rng.randint(20, 60)))
        types = rng.sample(TYPES, len(TYPES))
        return Case(waiting, tuple(_candidate(number, types[number::POOLS], rng) for number in range(POOLS)))

    @property
    def options(self) -> Sequence[Option]:
        return options_of(self.tasks, self.candidates)

    def bought(self) -> list[Bought]:
        """Return what the expander buys."""
        return cheapest(self.tasks, self.options, {one.name: float(one.units_left) for one in self.candidates})


def _candidate(number: int, types: Sequence[str], rng: random.Random) -> Candidate:
    kind = PoolKind.AUTO_SCALING_GROUP if number < 2 else PoolKind.SPOT_FLEET
    shapes = {type_: InstanceShape(type_, registered_size(type_)) for type_ in types}
    pool = Pool(PoolName(kind, f"sfr-{number}"), 0, 0, 100_000, weights=dict.fromkeys(types, 1.0))
    # A pool launches in each of its zones: the mean of their prices is what it pays.
    share = {type_: sum(rng.uniform(*SPOT) for _ in ZONES) / len(ZONES) for type_ in types}
    spot = {type_: share[type_] * list_price(shape) for type_, shape in shapes.items()}
    snapshot = Snapshot("web", 0.0, (), (), pool, shapes=shapes)
    return Candidate(f"pool {number}", snapshot, ScalingState(spot_prices=spot), Thresholds(max_capacity=100_000))


def choice(cases: int = 200, search_s: float = 5.0, done: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Choose instances for random cases, and compare with what the solver CP-SAT of OR-tools finds.

    The search begins with the suite's choice, so it never ends with a dearer one.

    Args:
        cases: how many random cases.
        search_s: seconds of the search in each case.
        done: called after each case.

    Returns:
        `cases`; `proven`: in how many the search proved its choice to be the cheapest; `usd`, `best_usd`: an hour of
        all cases, as the suite chooses and as the search found; `over_best`: the first divided by the second;
        `worst_over_best`: that of the worst case; `seconds`: CPU time to choose for 10,000 tasks of 40 sizes.

    Raises:
        NoSearch: if OR-tools is not installed.
    """
    cp_model()
    ours = best = worst = 0.0
    proven = 0
    for seed in range(cases):
        case = Case.random(seed)
        bought = case.bought()
        assert sum((Counter(dict(one.tasks)) for one in bought), Counter()) == case.tasks
        usd = sum(one.option.price for one in bought)
        found, is_proven = _search(case, bought, search_s)
        ours, best, proven = ours + usd, best + found, proven + is_proven
        worst = max(worst, usd / found)
        done()
    return {
        "cases": cases,
        "proven": proven,
        "usd": round(ours, 4),
        "best_usd": round(best, 4),
        "over_best": round(ours / best, 4),
        "worst_over_best": round(worst, 4),
        "seconds": round(_choice_s(), 3),
    }


def _choice_s() -> float:
    case = Case.random(0, tasks=10_000, kinds=40)
    options = case.options
    begun = time.process_time()
    cheapest(case.tasks, options, {one.name: float(one.units_left) for one in case.candidates})
    return time.process_time() - begun


def _search(case: Case, known: Sequence[Bought], seconds: float) -> tuple[float, bool]:
    """Return the fewest dollars that CP-SAT finds in `seconds`, and whether none are fewer. `known` is a choice."""
    cp = cp_model()
    model, sizes, options = cp.CpModel(), list(case.tasks), case.options
    usd = sum(one.option.price for one in known)
    cost: list[Any] = []
    placed: dict[TaskShape, list[Any]] = {size: [] for size in sizes}
    for number, option in enumerate(options):
        filled = [dict(one.tasks) for one in known if one.option == option]
        before = None
        for index in range(max(len(filled), int(usd / option.price))):
            used = model.new_bool_var(f"{number} {index}")
            here = [model.new_int_var(0, case.tasks[size], "") if option.holds(size) else 0 for size in sizes]
            free = option.room.free
            for of, most in (("cpu_units", free.cpu_units), ("memory_mib", free.memory_mib)):
                taken = sum(count * getattr(size.size, of) for count, size in zip(here, sizes, strict=True))
                model.add(taken <= most * used)
            model.add_hint(used, index < len(filled))
            for size, count in zip(sizes, here, strict=True):
                if option.holds(size):
                    placed[size].append(count)
                    model.add_hint(count, filled[index].get(size, 0) if index < len(filled) else 0)
            if before is not None:
                model.add(before >= used)
            before = used
            cost.append(round(option.price * PARTS) * used)
    for size in sizes:
        model.add(sum(placed[size]) == case.tasks[size])
    model.minimize(sum(cost))
    solver = cp.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    found = solver.objective_value / PARTS if status in (cp.OPTIMAL, cp.FEASIBLE) else usd
    return min(found, usd), bool(status == cp.OPTIMAL)
