"""Spare capacity by square-root staffing, with a factor that is learned from the tasks that had to wait.

By how much a load rises within one boot grows with the square root of the load, as the calls to a call centre do. So
the spare capacity is `factor x sqrt(load)`, both in instances (Halfin and Whitt, 1981: "Heavy-Traffic Limits for Queues
with Many Exponential Servers"). The factor differs from cluster to cluster and is learned. Each task that finds no room
raises it, and each task that starts without waiting lowers it a little. It settles where the share of tasks that start
without waiting is the operator's (`start_at_once_share`).
"""

import math
from dataclasses import dataclass

from steady.cluster import Size

LARGEST_FACTOR = 1.5
# What one task changes, and how many tasks a burst counts as at most: one bad minute must not cost a day of room.
STEP = 0.02
MOST_AT_ONCE = 30


@dataclass(frozen=True, slots=True)
class Staffing:
    """The factor, and what was counted at the last look: the difference says how many tasks have come.

    Attributes:
        tasks: how many tasks ran or waited; None before the first look.
        lacking: how many of the tasks that services wanted found no room.
    """

    factor: float = 0.0
    tasks: int | None = None
    lacking: int = 0

    def count(self, tasks: int, lacking: int) -> "Staffing":
        """Return this staffing with the counts of this look, and nothing learned from them."""
        return Staffing(self.factor, tasks, lacking)

    def learn(self, tasks: int, lacking: int, new_demands: int, share_percent: int) -> "Staffing":
        """Return this staffing with the counts of this look, and the factor that follows from them.

        Tasks that came and ended between two looks are not seen.

        Args:
            new_demands: how many tasks of a batch launcher found no room since the last look.
            share_percent: how many of 100 tasks should start without waiting.
        """
        if self.tasks is None:
            return self.count(tasks, lacking)
        waited = new_demands + max(0, lacking - self.lacking)
        came = max(waited, tasks - self.tasks)
        factor = self.factor
        if came > 0:
            weight = min(came, MOST_AT_ONCE) / came
            factor += STEP * weight * (waited - came * (100 - share_percent) / 100)
        return Staffing(min(LARGEST_FACTOR, max(0.0, factor)), tasks, lacking)

    def room(self, load: Size, instance: Size) -> Size:
        """Return the spare capacity for `load`, in a cluster of instances of the size `instance`."""
        return Size(
            math.ceil(self.factor * math.sqrt(load.cpu_units * instance.cpu_units)),
            math.ceil(self.factor * math.sqrt(load.memory_mib * instance.memory_mib)),
        )


UNLEARNED = Staffing()
