"""Search for thresholds: simulate every candidate on the given work, and keep those that no other candidate beats."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from simulator.processes import run_all
from simulator.simulation import Scenario, simulate

# Thresholds that trade waiting against instance-hours: spare capacity, the delay of scale-in, the high threshold.
CANDIDATES: Mapping[str, Sequence[int]] = {
    "start_at_once_share": (0, 80, 90, 95, 97, 99),
    "scale_in_after_seconds": (60, 180, 600),
    "cpu_reservation_high": (85, 100),
}
# The high thresholds of CPU and memory always get the same value.
TOGETHER = {"cpu_reservation_high": "memory_reservation_high"}


@dataclass(frozen=True, slots=True)
class Tried:
    """One setting that was simulated, with its figures. Waits are in seconds, over all tasks."""

    thresholds: Mapping[str, int]
    wait_p50_s: float
    wait_p95_s: float
    wait_mean_s: float
    instance_hours: float
    unplaced_tasks: int

    def beats(self, other: Tried) -> bool:
        """Return whether this setting is not worse than `other` in any figure, and better in at least one.

        The figures are the unplaced tasks, the mean wait and the instance-hours.
        """
        mine, theirs = self._figures, other._figures
        return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))

    @property
    def _figures(self) -> tuple[float, float, float]:
        return (self.unplaced_tasks, self.wait_mean_s, self.instance_hours)


def settings(candidates: Mapping[str, Sequence[int]] = CANDIDATES) -> list[dict[str, int]]:
    """Return every combination of the values of `candidates`, each as thresholds by name."""
    found = []
    for values in itertools.product(*candidates.values()):
        chosen = dict(zip(candidates, values, strict=True))
        found.append(chosen | {TOGETHER[name]: chosen[name] for name in TOGETHER if name in chosen})
    return found


def search(
    scenario: Scenario, wanted: Sequence[Mapping[str, int]], at_once: int, done: Callable[[], None] = lambda: None
) -> list[Tried]:
    """Simulate `scenario` with each setting of `wanted`, and return them in that order.

    Args:
        wanted: thresholds by name. They replace those of the scenario.
        at_once: how many simulations run at the same time, each in its own process.
        done: called after each simulation.
    """
    return run_all(partial(_try_setting, scenario), wanted, at_once, lambda _: done())


def front(tried: Sequence[Tried]) -> list[Tried]:
    """Return the settings that no other setting beats, the one with the shortest mean wait first."""
    best = [one for one in tried if not any(other.beats(one) for other in tried)]
    # Of several settings with the same figures, one is kept.
    by_figures = {(one.wait_mean_s, one.instance_hours): one for one in best}
    return sorted(by_figures.values(), key=lambda one: (one.wait_mean_s, one.instance_hours))


def chosen(best: Sequence[Tried], wait_s: float) -> Tried:
    """Return the setting of `best` with the fewest instance-hours whose wait (p95) is at most `wait_s`.

    If there is none, return the setting with the shortest mean wait.
    """
    enough = [one for one in best if one.wait_p95_s <= wait_s]
    return min(enough, key=lambda one: one.instance_hours) if enough else best[0]


def _try_setting(scenario: Scenario, thresholds: Mapping[str, int]) -> Tried:
    figures = simulate("steady", replace(scenario, thresholds={**scenario.thresholds, **thresholds})).figures
    waits = figures["wait_seconds"]
    mean_s = round(waits["total"] / max(1, figures["tasks"]), 2)
    return Tried(thresholds, waits["p50"], waits["p95"], mean_s, figures["instance_hours"], figures["unplaced_tasks"])
