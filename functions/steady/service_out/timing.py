"""Choose when the steps of a service-out happen, so that the steps of one reclaim are one (docs/decisions/0007)."""

import math
from collections.abc import Sequence

from steady.service_out.drain import NEAR_LOOK_S, Doomed

# Steps happen at the multiples of this many seconds since the epoch; near a deadline, of NEAR_SYNC_INTERVAL_S.
SYNC_INTERVAL_S = 4
NEAR_SYNC_INTERVAL_S = 2
# A batch with this many new instances is a part of a fleet's reclaim: the first look waits for the other notices.
GATHER_FROM = 8
GATHER_FOR_S = 4.0
MANY = 100
GATHER_MANY_FOR_S = 5.0
# Tasks are stopped in rounds that end at the multiples of this many seconds since the epoch. About 2 s lie between two
# rounds. ECS's bucket refills in that time, so none of the rate is lost.
ROUND_S = 10
SHORTEST_ROUND_S = 3.0


def are_to_be_gathered(doomed: Sequence[Doomed], now: float) -> bool:
    """Return whether the first look at these instances waits for more notices of the same reclaim.

    One look at all instances takes fewer calls than a look at each batch. It waits `GATHER_FOR_S` seconds after the
    notice, and `GATHER_MANY_FOR_S` from `MANY` instances on. It does not wait if an instance's deadline is over.

    >>> fleet = [Doomed(f"i-{n}", "web", deadline_s=120.0, noticed_at=0.0) for n in range(8)]
    >>> are_to_be_gathered(fleet, now=3.0), are_to_be_gathered(fleet, now=4.0), are_to_be_gathered(fleet[:7], now=3.0)
    (True, False, False)
    """
    fresh = [d for d in doomed if not d.looked_at]
    longest_s = GATHER_MANY_FOR_S if len(fresh) >= MANY else GATHER_FOR_S
    return (
        len(fresh) >= GATHER_FROM
        and all(now - d.noticed_at < longest_s for d in fresh)
        and all(now < d.deadline_s for d in doomed)
    )


def round_end(now: float) -> float:
    """Return when a step that begins at `now` stops no more tasks, in seconds since the epoch.

    All steps end their round at the same moment. Their continuations then arrive together, in one batch.

    >>> round_end(1.0), round_end(8.0)
    (10, 20)
    """
    return math.ceil((now + SHORTEST_ROUND_S) / ROUND_S) * ROUND_S


def delay_to_sync(now: float, in_s: float) -> int:
    """Return the delay, in whole seconds, to the first common time of all steps, `in_s` seconds from `now` or later.

    Messages that arrive within a second of each other are one batch. So the chains of steps that several notices of one
    reclaim have begun become one chain, and each read serves all of them.

    >>> delay_to_sync(now=1.0, in_s=5), delay_to_sync(now=2.0, in_s=5)
    (7, 6)
    """
    every_s = NEAR_SYNC_INTERVAL_S if in_s <= NEAR_LOOK_S else SYNC_INTERVAL_S
    return max(1, round(math.ceil((now + in_s) / every_s) * every_s - now))
