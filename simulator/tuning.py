"""The search for thresholds on one's own work: every candidate is simulated, and those that no other beats are kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace

from simulator.simulation import Scenario, simulate

# What trades waiting against instance-hours: room that is kept, how long low is waited out, the reservation aimed at.
CANDIDATES: Mapping[str, Sequence[int]] = {
    "start_at_once_share": (0, 80, 90, 95, 97, 99),
    "scale_in_after_seconds": (60, 180, 600),
    "cpu_reservation_high": (85, 100),
}
# A reservation is CPU or memory: both thresholds mean the same to whoever tunes.
TOGETHER = {"cpu_reservation_high": "memory_reservation_high"}


@dataclass(frozen=True, slots=True)
class Tried:
    """One setting, and what came of it: waits in seconds over all tasks, and instance-hours."""

    thresholds: Mapping[str, int]
    wait_p50_s: float
    wait_p95_s: float
    wait_mean_s: float
    instance_hours: float
    unplaced_tasks: int

    def beats(self, other: Tried) -> bool:
        """Whether it is no worse in waiting and in hours, and better in one of them."""
        mine, theirs = self._figures, other._figures
        return mine != theirs and all(a <= b for a, b in zip(mine, theirs, strict=True))

    @property
    def _figures(self) -> tuple[float, float, float]:
        return (self.unplaced_tasks, self.wait_mean_s, self.instance_hours)


def settings(candidates: Mapping[str, Sequence[int]] = CANDIDATES) -> list[dict[str, int]]:
    """Every combination of `candidates`."""
    found = []
    for values in itertools.product(*candidates.values()):
        chosen = dict(zip(candidates, values, strict=True))
        found.append(chosen | {TOGETHER[name]: chosen[name] for name in TOGETHER if name in chosen})
    return found


def search(
    scenario: Scenario, wanted: Sequence[Mapping[str, int]], at_once: int, done: Callable[[], None] = lambda: None
) -> Iterator[Tried]:
    """Simulates each of `wanted` over the scenario's thresholds, `at_once` side by side; yields them as they end."""
    with ProcessPoolExecutor(at_once) as pool:
        for future in as_completed([pool.submit(_tried, scenario, thresholds) for thresholds in wanted]):
            done()
            yield future.result()


def front(tried: Sequence[Tried]) -> list[Tried]:
    """Those that no other beats, the one that waits the least first: what one may choose from."""
    best = [one for one in tried if not any(other.beats(one) for other in tried)]
    # Of those that come to the same, one is enough.
    by_figures = {(one.wait_mean_s, one.instance_hours): one for one in best}
    return sorted(by_figures.values(), key=lambda one: (one.wait_mean_s, one.instance_hours))


def chosen(best: Sequence[Tried], wait_s: float) -> Tried:
    """The cheapest of `best` whose p95 of waiting is `wait_s` at most; else the one that waits the least."""
    enough = [one for one in best if one.wait_p95_s <= wait_s]
    return min(enough, key=lambda one: one.instance_hours) if enough else best[0]


def _tried(scenario: Scenario, thresholds: Mapping[str, int]) -> Tried:
    figures = simulate("steady", replace(scenario, thresholds={**scenario.thresholds, **thresholds})).figures
    waits = figures["wait_seconds"]
    mean_s = round(waits["total"] / max(1, figures["tasks"]), 2)
    return Tried(thresholds, waits["p50"], waits["p95"], mean_s, figures["instance_hours"], figures["unplaced_tasks"])
