"""When the steps of a service-out happen, so that those of one reclaim become one (docs/decisions/0007)."""

import math
from collections.abc import Sequence

from steady.service_out.drain import NEAR_LOOK_S, Doomed

# Steps meet at the multiples of so many seconds; of fewer, where there is a hurry.
SYNC_INTERVAL_S = 4
NEAR_SYNC_INTERVAL_S = 2
# From so many instances in a batch on that were not looked at, a fleet is being reclaimed.
GATHER_FROM = 8
GATHER_FOR_S = 4.0
MANY = 100
GATHER_MANY_FOR_S = 5.0
# Stopping goes in rounds that end at the multiples of so many seconds. Between two of them there are about 2 s, in
# which ECS's bucket refills: nothing of its rate is lost.
ROUND_S = 10
SHORTEST_ROUND_S = 3.0


def are_to_be_gathered(doomed: Sequence[Doomed], now: float) -> bool:
    """Whether so many first looks at once are a whole fleet's, whose others are to be looked at together with them.

    Not for long: the more there are, the more one look at all of them saves, and the longer its reads would take. And
    not where one of them has no time left: an instance that is going already is looked at now.
    """
    fresh = [d for d in doomed if not d.looked_at]
    longest_s = GATHER_MANY_FOR_S if len(fresh) >= MANY else GATHER_FOR_S
    return (
        len(fresh) >= GATHER_FROM
        and all(now - d.noticed_at < longest_s for d in fresh)
        and all(now < d.deadline_s for d in doomed)
    )


def round_end(now: float) -> float:
    """When a step stops stopping, wherever it is: the same moment for all steps, so that they go on as one."""
    return math.ceil((now + SHORTEST_ROUND_S) / ROUND_S) * ROUND_S


def delay_to_sync(now: float, in_s: float) -> int:
    """The delay, in whole seconds, to the next time that all steps meet at, `in_s` seconds from `now` or later.

    Messages that come within a second of each other make one batch: so chains of steps that were begun by notices of
    one reclaim become one, and each read serves all of them.
    """
    every_s = NEAR_SYNC_INTERVAL_S if in_s <= NEAR_LOOK_S else SYNC_INTERVAL_S
    return max(1, round(math.ceil((now + in_s) / every_s) * every_s - now))
