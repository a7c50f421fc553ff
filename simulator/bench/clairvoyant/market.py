"""How many Spot Instances a pool may hold at most, whatever its policy asks for."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.spot_market import NOTICE_S
from simulator.workload.plan import SpotMarket


@dataclass(frozen=True, slots=True)
class Market:
    """The Spot market of a plan, for a pool whose target is never over `most` instances.

    Attributes:
        steps: how much the market has; None: all.
        by_what_runs: whether the pool never asks for more than it runs. What it runs on Spot is the market's share of
            all its instances then, where otherwise it is the share of `most`.
    """

    most: int
    steps: SpotMarket | None = None
    by_what_runs: bool = False

    def share(self, at_s: float) -> float:
        """Return the fraction of its target that a pool may hold at `at_s`. Before the start, it is all."""
        if self.steps is None or not self.steps.most or at_s < 0:
            return 1.0
        index = min(int(at_s // self.steps.gap_s), len(self.steps.available) - 1)
        return self.steps.available[index] / self.steps.most

    def changes(self, until_s: float) -> list[float]:
        """Return the times at which the share changes."""
        if self.steps is None:
            return []
        times = [index * self.steps.gap_s for index in range(len(self.steps.available))]
        return [at for at in times if at <= until_s and self.share(at) != self.before(at)]

    def before(self, at_s: float) -> float:
        """Return the fraction just before the change at `at_s`."""
        return self.share(at_s - (self.steps.gap_s / 2 if self.steps else 0.0))

    def most_held(self, from_s: float, to_s: float, changes: Sequence[float]) -> int:
        """Return how many Spot Instances may run at some time of the interval, with those under notice.

        Args:
            changes: the times of all changes, in order.
        """
        share = self.largest_share(from_s, to_s, changes)
        return 0 if share == 0 else math.floor(self.most * share + 1)

    def largest_share(self, from_s: float, to_s: float, changes: Sequence[float]) -> float:
        """Return the largest fraction of the interval and of the two minutes before it, `changes` as above."""
        since = from_s - NOTICE_S
        between = changes[bisect_right(changes, since) : bisect_right(changes, to_s)]
        return max(self.share(at) for at in (since, *between))
