"""Measure how closely tasks are packed, compared with a long search, and how long packing takes."""

from __future__ import annotations

import importlib
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from simulator.instance_types import registered_size
from steady.cluster import Size, TaskShape, smallest
from steady.scaling.packing import instances_needed, lacking_room
from steady.scaling.room import Room

INSTANCE_TYPES = ("c5.2xlarge", "m5.large", "m5.2xlarge", "r5.2xlarge", "m5.8xlarge")
CPU_UNITS = (0, 64, 128, 256, 512, 1024, 2048)
MEMORY_MIB = (128, 256, 512, 1024, 2048, 4096, 8192)


class NoSearch(Exception):
    """OR-tools is not installed. The text says how to install it."""


@dataclass(frozen=True, slots=True)
class Case:
    """Tasks to place on new instances. Each instance has the size `instance`."""

    instance: Size
    tasks: tuple[Size, ...]

    @staticmethod
    def random(seed: int) -> Case:
        """Return a random case: 30 to 300 tasks of 3 to 12 usual sizes, on one of five instance types."""
        rng = random.Random(seed)
        whole = registered_size(rng.choice(INSTANCE_TYPES))
        sizes = [
            smallest(Size(rng.choice(CPU_UNITS), rng.choice(MEMORY_MIB) + 64 * rng.randrange(4)), whole)
            for _ in range(rng.randint(3, 12))
        ]
        weights = [rng.random() for _ in sizes]
        return Case(whole, tuple(rng.choices(sizes, weights, k=rng.randint(30, 300))))

    @property
    def least(self) -> int:
        """A lower bound of instances: the sum of the tasks' CPU or memory, rounded up to whole instances."""
        whole = sum(self.tasks, Size(0, 0))
        return max(
            math.ceil(whole.cpu_units / self.instance.cpu_units), math.ceil(whole.memory_mib / self.instance.memory_mib)
        )

    def needed(self) -> int:
        """Return how many instances the suite asks for."""
        return instances_needed([TaskShape(size) for size in self.tasks], Room(self.instance))[0]


def placement(cases: int = 200, search_s: float = 10.0, done: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Pack random cases with the suite's packing and with the solver CP-SAT of OR-tools, and compare.

    Args:
        cases: how many random cases.
        search_s: seconds of the search in each case.
        done: called after each case.

    Returns:
        `cases`; `instances`: how many the suite asks for in all cases; `best`: how many the search found; `over_best`:
        the first divided by the second (1.01: 1 % more); `seconds`: CPU time to place 10,000 tasks of 40 sizes on
        1,000 instances that are half full; `seconds_all_different`: the same, with every task of another size.

    Raises:
        NoSearch: if OR-tools is not installed.
    """
    ours = best = 0
    for seed in range(cases):
        case = Case.random(seed)
        needed = case.needed()
        ours += needed
        best += _search(case, needed, search_s)
        done()
    return {
        "cases": cases,
        "instances": ours,
        "best": best,
        "over_best": round(ours / best, 4),
        "seconds": round(_packing_s(sizes=40), 3),
        "seconds_all_different": round(_packing_s(sizes=10_000), 3),
    }


def or_tools(module: str) -> ModuleType:
    """Import a module of OR-tools, which only benchmarks need, such as `sat.python.cp_model`.

    Raises:
        NoSearch: if OR-tools is not installed.
    """
    try:
        importlib.import_module("ortools")
        return importlib.import_module(f"ortools.{module}")
    except ModuleNotFoundError as error:
        raise NoSearch(
            "OR-tools is not installed; only this benchmark needs it: pip install 'ortools>=9,<10'"
        ) from error


def cp_model() -> ModuleType:
    """Import the solver CP-SAT of OR-tools.

    Raises:
        NoSearch: if OR-tools is not installed.
    """
    return or_tools("sat.python.cp_model")


def _packing_s(sizes: int, tasks: int = 10_000, instances: int = 1_000) -> float:
    rng = random.Random(0)
    whole = registered_size("m5.8xlarge")
    shapes = [TaskShape(Size(rng.randint(64, 2048), rng.randint(128, 8192))) for _ in range(sizes)]
    wanted = shapes if sizes == tasks else rng.choices(shapes, k=tasks)
    rooms = [
        Room(Size(rng.randint(0, whole.cpu_units), rng.randint(0, whole.memory_mib)), key=str(number))
        for number in range(instances)
    ]
    begun = time.process_time()
    lacking = lacking_room(wanted, rooms)
    instances_needed(lacking, Room(whole))
    return time.process_time() - begun


def _search(case: Case, known: int, seconds: float) -> int:
    """Return the fewest instances that CP-SAT finds in `seconds`. `known` instances are known to be enough."""
    if known == case.least:
        return known
    cp = cp_model()
    counts = Counter(case.tasks)
    sizes = list(counts)
    model = cp.CpModel()
    used = [model.new_bool_var(f"used {number}") for number in range(known)]
    here = [[model.new_int_var(0, counts[size], f"{size} on {n}") for size in sizes] for n in range(known)]
    for number in range(known):
        for of, most in (("cpu_units", case.instance.cpu_units), ("memory_mib", case.instance.memory_mib)):
            taken = _total(here[number], [getattr(size, of) for size in sizes])
            model.add(taken <= most * used[number])
        if number:
            model.add(used[number - 1] >= used[number])
        if number < case.least:
            model.add(used[number] == 1)
    for index, size in enumerate(sizes):
        model.add(sum(on[index] for on in here) == counts[size])
    model.minimize(sum(used))
    solver = cp.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solved = solver.solve(model) in (cp.OPTIMAL, cp.FEASIBLE)
    return round(solver.objective_value) if solved else known


def _total(counts: Sequence[Any], sizes: Sequence[int]) -> Any:
    return sum(count * size for count, size in zip(counts, sizes, strict=True))
