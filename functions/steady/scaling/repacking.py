"""Pack tasks on given instances of several sizes: whether they hold them all, and which holds which.

One instance after the other is filled. Each time it takes the task that fits what it has free the best: the one with
the largest dot product, where what is scarce on all instances together counts more (Panigrahy, Talwar, Uyeda and
Wieder, "Heuristics for Vector Bin Packing", 2011). With `evenness`, what is idle on all of them in the end is taken to
be idle on each: an instance then gets its part of the tasks that need much memory, and of those that need much CPU.
"""

import math
import operator
from collections.abc import Sequence

from steady.scaling.choice import NOT_LIMITED, Filling, Kind, Offer


def packed(
    kinds: Sequence[Kind], offers: Sequence[Offer], liking: Sequence[float] = (), evenness: float = 0.0
) -> list[Filling] | None:
    """Return how many tasks of each kind each instance takes; None if some of the tasks found no place.

    Args:
        offers: the instances, in the order in which they are filled.
        liking: by how much each kind is preferred: 1 is the usual.
        evenness: how much of what will be idle is left out of what an instance has free, from 0 to 1.

    >>> one = Kind(3, (1024.0, 1000.0, 0.0, 0.0))
    >>> packed([one], [Offer("web", 0.1, 1, (2048.0, 4000.0, 0.0, NOT_LIMITED), [9])] * 2)
    [(2,), (1,)]
    """
    left, found = [kind.count for kind in kinds], []
    capacity = [sum(of) for of in zip(*(one.has for one in offers), strict=True)]
    demand = [sum(map(operator.mul, of, left)) for of in zip(*(kind.needs for kind in kinds), strict=True)]
    for one in offers:
        scarce = [d / c if c and c != NOT_LIMITED else 0.0 for d, c in zip(demand, capacity, strict=True)]
        # Each amount as a part of what the instance has, and by how scarce it is.
        scale = [s / (h * h) if h and h != NOT_LIMITED else 0.0 for s, h in zip(scarce, one.has, strict=True)]
        idle = [evenness * (1 - s) * h if h != NOT_LIMITED else 0.0 for s, h in zip(scarce, one.has, strict=True)]
        taken = _filled(kinds, left, one, scale, liking, idle)
        for number, count in enumerate(taken):
            if count:
                left[number] -= count
                demand = [d - need * count for d, need in zip(demand, kinds[number].needs, strict=True)]
        capacity = [c if c == NOT_LIMITED else c - h for c, h in zip(capacity, one.has, strict=True)]
        found.append(taken)
    return None if any(left) else found


def _filled(
    kinds: Sequence[Kind],
    left: Sequence[int],
    one: Offer,
    scale: Sequence[float],
    liking: Sequence[float],
    idle: Sequence[float],
) -> Filling:
    cpu, memory, gpus, enis = one.has
    by_cpu, by_memory, by_gpus, by_enis = scale
    ports: frozenset[int] = frozenset()
    taken = [0] * len(kinds)
    open_ = [number for number, count in enumerate(left) if count and one.most[number]]
    while open_:
        best, chosen, still = -math.inf, -1, []
        of_cpu, of_memory, of_gpus, of_enis = (
            (cpu - idle[0]) * by_cpu,
            (memory - idle[1]) * by_memory,
            (gpus - idle[2]) * by_gpus,
            (enis - idle[3]) * by_enis if by_enis else 0.0,
        )
        for number in open_:
            need_cpu, need_memory, need_gpus, need_enis = kinds[number].needs
            if need_cpu > cpu or need_memory > memory or need_gpus > gpus or need_enis > enis:
                continue
            if ports and not ports.isdisjoint(kinds[number].ports):
                continue
            still.append(number)
            score = need_cpu * of_cpu + need_memory * of_memory + need_gpus * of_gpus + need_enis * of_enis
            if liking:
                score *= liking[number]
            if score > best:
                best, chosen = score, number
        if chosen < 0:
            break
        cpu, memory, gpus, enis = map(operator.sub, (cpu, memory, gpus, enis), kinds[chosen].needs)
        ports |= kinds[chosen].ports
        taken[chosen] += 1
        open_ = [n for n in still if n != chosen or taken[n] < min(left[n], one.most[n])]
    return tuple(taken)
