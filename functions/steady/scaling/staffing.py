"""Spare capacity by square-root staffing, with a factor that is learned from the tasks that had to wait.

By how much a load rises within one boot grows with the square root of the load, as the calls to a call centre do. So
the spare capacity is `factor x sqrt(load)`, both in instances (Halfin and Whitt, 1981: "Heavy-Traffic Limits for Queues
with Many Exponential Servers"). The factor differs from cluster to cluster and is learned. Each task that finds no room
raises it, and each task that starts without waiting lowers it a little. It settles where the share of tasks that start
without waiting is the operator's (`start_at_once_share`).

Where no task comes, nothing lowers the factor. So what was learned is forgotten with time: it is kept for a week after
the last task that waited, and lost evenly within the next one.
"""

import math
from dataclasses import dataclass, replace

from steady.cluster import Size

LARGEST_FACTOR = 2.0
# What one task changes, and how many tasks a burst counts as at most: one bad minute must not cost a day of room.
STEP = 0.02
MOST_AT_ONCE = 30
# For so long after the last task that waited all of the factor counts, and within so long after that it fades to 0. A
# rise that comes once a week finds all that the last one has taught.
KEPT_FOR_S = 7 * 86_400.0
FADES_WITHIN_S = 7 * 86_400.0


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

    def learn(
        self, tasks: int, lacking: int, new_demands: int, share_percent: int, started: float | None = None
    ) -> "Staffing":
        """Return this staffing with the counts of this look, and the factor that follows from them.

        Args:
            new_demands: how many tasks of a batch launcher found no room since the last look.
            share_percent: how many of 100 tasks should start without waiting.
            started: how many tasks have started since the last look; None: nobody has counted, and `tasks` says by how
                many more there are. Those that came while others ended are not seen then.
        """
        if self.tasks is None:
            return self.count(tasks, lacking)
        waited = self.waited(lacking, new_demands)
        factor = self.factor + step(waited, self.came(tasks, waited) if started is None else started, share_percent)
        return Staffing(min(LARGEST_FACTOR, max(0.0, factor)), tasks, lacking)

    def waited(self, lacking: int, new_demands: int) -> int:
        """Return how many tasks have found no room since the last look; see `learn`."""
        return new_demands + max(0, lacking - self.lacking)

    def came(self, tasks: int, waited: int) -> int:
        """Return how many tasks have come since the last look, as far as `tasks`, how many there are, says."""
        return max(waited, tasks - (tasks if self.tasks is None else self.tasks))

    def faded(self, waited_at: float | None, now: float) -> "Staffing":
        """Return this staffing with what is left of the factor `now`, if a task last waited at `waited_at`.

        Args:
            waited_at, now: in seconds since the epoch; `waited_at` is None if it is not known yet: nothing has faded.

        >>> [Staffing(1.0).faded(0.0, days * 86_400).factor for days in (0, 7, 10.5, 14)]
        [1.0, 1.0, 0.5, 0.0]
        """
        silent_s = 0.0 if waited_at is None else now - waited_at
        faded = min(1.0, max(0.0, silent_s - KEPT_FOR_S) / FADES_WITHIN_S)
        return replace(self, factor=self.factor * (1 - faded))

    def room(self, load: Size, instance: Size) -> Size:
        """Return the spare capacity for `load`, in a cluster of instances of the size `instance`."""
        return Size(
            math.ceil(self.factor * math.sqrt(load.cpu_units * instance.cpu_units)),
            math.ceil(self.factor * math.sqrt(load.memory_mib * instance.memory_mib)),
        )


UNLEARNED = Staffing()


def step(waited: float, started: float, share_percent: int) -> float:
    """Return by how much what is learned changes where of `started` tasks `waited` had to wait.

    Over many tasks, the steps cancel out where `share_percent` of 100 tasks start without waiting.
    """
    most = max(waited, started)
    if most <= 0:
        return 0.0
    return STEP * min(1.0, MOST_AT_ONCE / most) * (waited - started * (100 - share_percent) / 100)
