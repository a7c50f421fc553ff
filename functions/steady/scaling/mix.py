"""The mix of a cluster with several pools: the percentage of its CPU that is on-demand (`on_demand_share`).

It is a floor. On-demand pools grow with the others so that they have their share, and do not shrink under it. While the
share is larger than it is now, because it was raised or because Spot Instances came by other ways, nothing is launched
and nothing is terminated for its sake: the next tasks that wait make it up.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from steady.cluster import TaskShape
from steady.pools import Purchase
from steady.scaling.candidate import Candidate

Tasks = Counter[TaskShape]


class Mix(NamedTuple):
    """CPU units that are registered or coming, and are to last: those that are on-demand, and all."""

    on_demand: float
    total: float

    @staticmethod
    def of(candidates: Sequence[Candidate]) -> "Mix":
        """Return the mix of all pools as it is, with what is coming."""
        on_demand = total = 0.0
        for one in candidates:
            bought = one.snapshot.pool.on_demand_members
            always = is_on_demand(one)
            for i in one.snapshot.active:
                total += i.registered.cpu_units
                on_demand += i.registered.cpu_units if always or i.instance_id in bought else 0
            coming = sum(room.free.cpu_units for room in one.coming()) - _passing(one)
            total += coming
            on_demand += coming if always else 0
        return Mix(max(0, on_demand), max(0, total))

    def lacks(self, share: int, more: int) -> float:
        """Return how many of `more` CPU units are to be on-demand, so that `share` percent of all are.

        >>> Mix(on_demand=1024, total=4096).lacks(50, 2048), Mix(4096, 4096).lacks(50, 2048)
        (2048, 0)
        """
        return min(more, max(0, math.ceil(share * (self.total + more) / 100) - self.on_demand))

    def spare(self, share: int) -> float:
        """Return how many on-demand CPU units may go so that `share` percent of those that are left are on-demand.

        >>> Mix(on_demand=5, total=9).spare(50), Mix(4, 8).spare(50), Mix(2, 8).spare(50), Mix(3, 3).spare(100)
        (1.0, 0.0, 0.0, 3)
        """
        if self.on_demand >= self.total:
            return self.on_demand
        return max(0.0, (100 * self.on_demand - share * self.total) / (100 - share)) if share < 100 else 0.0


def is_on_demand(one: Candidate) -> bool:
    """Return whether the pool launches on-demand instances."""
    return one.snapshot.pool.traits.purchase is Purchase.ON_DEMAND


def to_be_on_demand(tasks: Tasks, candidates: Sequence[Candidate], share: int) -> Tasks:
    """Return those of `tasks` that on-demand pools are to hold, so that they keep `share` percent of the CPU."""
    pools = [one for one in candidates if is_on_demand(one)]
    more = sum(task.size.cpu_units * count for task, count in tasks.items() if count > 0)
    lacks, found = Mix.of(candidates).lacks(share, more), Tasks()
    for task, count in tasks.items():
        if lacks > 0 and count > 0 and any(one.holds(task) for one in pools):
            found[task] = min(count, math.ceil(lacks / max(1, task.size.cpu_units)))
            lacks -= found[task] * task.size.cpu_units
    return found


def least_units(one: Candidate, candidates: Sequence[Candidate], share: int) -> int:
    """Return the units under which scale-in does not lower the target of an on-demand pool: its part of the share."""
    if not share or not is_on_demand(one):
        return 0
    mix = Mix.of(candidates)
    # What is there for a time does not raise it, nor does what is being emptied: it would stay for good.
    lasting = one.lasting_units
    return math.ceil(round(lasting * (1 - mix.spare(share) / max(1, mix.on_demand)), 6))


def _passing(one: Candidate) -> float:
    """Return the CPU units of what is there for a time: of instances as the pool launches them."""
    if not one.passing_units or not one.likely:
        return 0
    shape = one.likely[0]
    return one.passing_units * shape.size.cpu_units / one.weight(shape)
