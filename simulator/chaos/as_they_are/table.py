"""Run each row of the table: worlds that are drawn from as many seeds, and the promises that they broke."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from simulator.chaos.as_they_are import taken
from simulator.chaos.as_they_are.drawn import Drawn
from simulator.chaos.as_they_are.notices import Noticed
from simulator.chaos.as_they_are.refusals import Refusal
from simulator.chaos.as_they_are.stopping import Stopping
from simulator.chaos.matrix import Result

# Returns what was drawn from a seed, and the promises that were broken.
DrawAndRun = Callable[[int], tuple[str, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A row: its `name`, what is `varied`, and how many `runs` it has."""

    name: str
    varied: str
    runs: int
    draw_and_run: DrawAndRun


@dataclass(frozen=True, slots=True)
class Draw:
    """One run of a row."""

    kind: Kind
    seed: int

    def run(self) -> Result:
        """Run it, and return the promises that it broke."""
        drawn, broken = self.kind.draw_and_run(self.seed)
        return Result(self.kind.name, self.kind.varied, f"seed {self.seed}: {drawn}", tuple(broken))


def draws(every: int = 1) -> Iterator[Draw]:
    """Yield every `every`-th run of each row; 1: all of them."""
    for kind in KINDS:
        for seed in range(0, kind.runs, every):
            yield Draw(kind, seed)


def run(draw: Draw) -> Result:
    """Run `draw`, and return the promises that it broke."""
    return draw.run()


def _trial(drawn: type[Drawn], seed: int) -> tuple[str, Sequence[str]]:
    trial = drawn(seed)
    trial.run()
    return ", ".join(trial.drawn), trial.broken_promises()


def _of(drawn: type[Drawn], runs: int) -> Kind:
    return Kind(drawn.name, drawn.varied, runs, partial(_trial, drawn))


KINDS = (
    _of(Stopping, 120),
    Kind(taken.TRAFFIC, taken.TRAFFIC_VARIED, 120, taken.traffic),
    Kind(taken.TIME, taken.TIME_VARIED, 100, taken.time),
    _of(Noticed, 120),
    _of(Refusal, 500),
    Kind(taken.FLEETS, taken.FLEETS_VARIED, 54, taken.whole_fleet),
)
