"""Room for tasks to start at once: square-root staffing, with a safety factor learned from the tasks that had to wait.

By how much a load rises within a boot grows with its square root, as the calls that come to a call centre do; so the
room to keep is `factor x sqrt(load)`, load and room in instances (Halfin and Whitt, "Heavy-Traffic Limits for Queues
with Many Exponential Servers", 1981). How large the factor has to be differs from cluster to cluster, and is learned:
each task that found no room raises it, and each that started at once lowers it a little, so that it comes to rest where
the share of tasks that start at once is the one that is asked for.
"""

import math
from dataclasses import dataclass

from steady.cluster import Size

LARGEST_FACTOR = 1.5
# What one task teaches; a burst teaches as much as so many tasks, so that one bad minute does not cost a day of room.
STEP = 0.02
MOST_AT_ONCE = 30


@dataclass(frozen=True, slots=True)
class Staffing:
    """The factor, and what was counted at the last look (None before the first): by the difference tasks have come.

    `tasks` is how many ran or waited; `lacking` is how many of those that services wanted found no room.
    """

    factor: float = 0.0
    tasks: int | None = None
    lacking: int = 0

    def counted(self, tasks: int, lacking: int) -> "Staffing":
        """With what this look counted, and nothing learned from it."""
        return Staffing(self.factor, tasks, lacking)

    def learned(self, tasks: int, lacking: int, new_demands: int, share_percent: int) -> "Staffing":
        """With what this look counted, and the factor that follows from it. What came and went since is not seen.

        Args:
            new_demands: how many tasks of a batch launcher found no room since the last look.
            share_percent: how many of 100 tasks are to start at once.
        """
        if self.tasks is None:
            return self.counted(tasks, lacking)
        waited = new_demands + max(0, lacking - self.lacking)
        came = max(waited, tasks - self.tasks)
        factor = self.factor
        if came > 0:
            weight = min(came, MOST_AT_ONCE) / came
            factor += STEP * weight * (waited - came * (100 - share_percent) / 100)
        return Staffing(min(LARGEST_FACTOR, max(0.0, factor)), tasks, lacking)

    def room(self, load: Size, instance: Size) -> Size:
        """The room to keep beside `load`, in a cluster of instances of the size `instance`."""
        return Size(
            math.ceil(self.factor * math.sqrt(load.cpu_units * instance.cpu_units)),
            math.ceil(self.factor * math.sqrt(load.memory_mib * instance.memory_mib)),
        )


UNLEARNED = Staffing()
