"""How closely tasks are packed, beside a long search; and how long it takes."""

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
from steady.scaling.packing import Room, instances_needed, lacking_room

INSTANCE_TYPES = ("c5.2xlarge", "m5.large", "m5.2xlarge", "r5.2xlarge", "m5.8xlarge")
CPU_UNITS = (0, 64, 128, 256, 512, 1024, 2048)
MEMORY_MIB = (128, 256, 512, 1024, 2048, 4096, 8192)


class NoSearch(Exception):
    """OR-tools is not installed; the text says how to have it."""


@dataclass(frozen=True, slots=True)
class Case:
    """Tasks that are to be placed on new instances, each of the size `instance`."""

    instance: Size
    tasks: tuple[Size, ...]

    @staticmethod
    def random(seed: int) -> Case:
        """30 to 300 tasks of 3 to 12 sizes, as task definitions have them, on one of five instance types."""
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
        """What no packing can be under: all of the tasks' CPU, or all of their memory, in whole instances."""
        whole = sum(self.tasks, Size(0, 0))
        return max(
            math.ceil(whole.cpu_units / self.instance.cpu_units), math.ceil(whole.memory_mib / self.instance.memory_mib)
        )

    def needed(self) -> int:
        """The instances that the suite asks for."""
        return instances_needed([TaskShape(size) for size in self.tasks], Room(self.instance))[0]


def placement(cases: int = 200, search_s: float = 10.0, done: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """What the suite asks for in random cases, beside the best that OR-tools' CP-SAT finds for each in `search_s`.

    Raises:
        NoSearch: if OR-tools is not installed.

    Returns:
        `cases`, `instances` that the suite asks for, `best` of the search, `over_best` (1.01: 1 % more), and `seconds`
        of CPU for 10,000 tasks of 40 sizes on 1,000 instances, half full, and for as many of which no two are alike.
    """
    ours = best = 0
    for seed in range(cases):
        case = Case.random(seed)
        needed = case.needed()
        ours += needed
        best += _searched(case, needed, search_s)
        done()
    return {
        "cases": cases,
        "instances": ours,
        "best": best,
        "over_best": round(ours / best, 4),
        "seconds": round(_placed_s(sizes=40), 3),
        "seconds_all_different": round(_placed_s(sizes=10_000), 3),
    }


def cp_model() -> ModuleType:
    """OR-tools' CP-SAT, which is installed for this benchmark alone.

    Raises:
        NoSearch: if it is not there.
    """
    try:
        return importlib.import_module("ortools.sat.python.cp_model")
    except ModuleNotFoundError as error:
        raise NoSearch(
            "OR-tools is not there, which only this benchmark needs: pip install 'ortools>=9,<10'"
        ) from error


def _placed_s(sizes: int, tasks: int = 10_000, instances: int = 1_000) -> float:
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


def _searched(case: Case, known: int, seconds: float) -> int:
    """The fewest instances that CP-SAT finds in `seconds`; `known` are enough."""
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
