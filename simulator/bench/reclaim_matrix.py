"""Reclaim whole Spot Fleets with each timing that AWS may have: pollers, latencies, exits, delays and target groups."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from simulator.bench.interruption import interruption
from simulator.processes import run_all
from simulator.timing import Timing

INSTANCES = (100, 300, 500)
TASKS = 9
POLLERS = (1, 2, 5, 10)
LATENCIES_S = (0.03, 0.1, 0.3)
# Seconds from SIGTERM to the end of a task; the stop timeout is 30 s.
EXITS_S = (2.0, 10.0, 29.0)
DELAYS_S = (10.0, 60.0, 300.0)
TARGET_GROUPS = (12, 100)
# Above the limit, a handling saves at least this share of what could be saved.
AT_THE_LIMIT = 0.95


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination. All else is as AWS documents it (`Timing.as_aws`)."""

    instances: int
    pollers: int
    latency_s: float
    exit_s: float
    delay_s: float
    target_groups: int


def cells(instances: Iterable[int] = INSTANCES) -> Iterator[Cell]:
    """Yield every combination, for fleets of `instances`."""
    for values in itertools.product(instances, POLLERS, LATENCIES_S, EXITS_S, DELAYS_S, TARGET_GROUPS):
        yield Cell(*values)


def measure(cell: Cell, seed: int = 0) -> dict[str, Any]:
    """Return the figures of `cell`, as `interruption` returns them, with the combination and what is not kept."""
    timing = Timing.as_aws(pollers=cell.pollers, latency_s=cell.latency_s, exits=cell.exit_s)
    figures = interruption(
        cell.instances, TASKS, seed, timing=timing, target_groups=cell.target_groups, delay_s=cell.delay_s
    )
    found = {
        "instances": cell.instances,
        "pollers": cell.pollers,
        "latency_s": cell.latency_s,
        "exit_s": cell.exit_s,
        "delay_s": cell.delay_s,
        "target_groups": cell.target_groups,
        **{name: figures[name] for name in FIGURES},
    }
    return {**found, "broken": broken_promises(found)}


# The figures of a reclaim that a cell keeps.
FIGURES = (
    "tasks",
    "tasks_killed_in_service",
    "failed_requests",
    "physical_limit_tasks",
    "deregistered_s",
    "stopped_s",
    "api_calls_total",
    "throttled",
)


def measure_all(
    chosen: Sequence[Cell], at_once: int, seed: int = 0, done: Callable[[], None] = lambda: None
) -> list[dict[str, Any]]:
    """Measure the cells, `at_once` of them at the same time. `done` is called after each."""
    return run_all(partial(measure, seed=seed), chosen, at_once, lambda _: done())


def broken_promises(figures: Mapping[str, Any]) -> list[str]:
    """Return one line for each promise of a whole fleet's reclaim that is not kept.

    Where all tasks can have their whole stop timeouts, nothing is killed. Otherwise nearly as many as can have it end
    before their instance does; and in no case does a request fail.
    """
    tasks, most = figures["tasks"], most_killed(figures)
    killed, failed = figures["tasks_killed_in_service"], figures["failed_requests"]
    found = [f"{killed:,} of {tasks:,} tasks killed in service, and {most:,} at most"] if killed > most else []
    return found + ([f"{failed:,} failed requests"] if failed else [])


def most_killed(figures: Mapping[str, Any]) -> int:
    """Return how many tasks may be killed in a reclaim with these figures."""
    tasks, limit = figures["tasks"], figures["physical_limit_tasks"]
    return 0 if limit >= tasks else tasks - int(AT_THE_LIMIT * limit)
