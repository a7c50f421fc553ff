"""Make the calls of one kind, from several threads, no faster than AWS's token bucket lets them through.

A process has one pace for each bucket (`pace_of`): two lists of calls, one after the other or side by side, draw on the
same tokens.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from steady.api_budget.limits import Bucket
from steady.api_budget.rate import first_call_at, longest_lead_s, turn_after, turn_after_refusal
from steady.aws.cache import Cache
from steady.aws.runtime import Runtime


class Pace:
    """Lets the burst of `bucket` pass at once, and then its refill; a call that comes too soon waits for its turn.

    Calls side by side share one `Pace`: it gives out turns in the order in which they are asked for. `now` returns
    seconds since the epoch.
    """

    def __init__(self, bucket: Bucket, now: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._bucket = bucket
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._turn = now()

    def wait_for_turn(self, until: float = math.inf) -> bool:
        """Sleep until the next call may be made, and return True.

        If that is not before `until` (seconds since the epoch), return False at once: the turn is left to others.
        """
        with self._lock:
            now = self._now()
            wait_s = first_call_at(self._turn, self._bucket, 1.0, now) - now
            if now + max(wait_s, 0.0) >= until:
                return False
            self._turn = turn_after(self._turn, self._bucket, 1, 1.0, now)
        if wait_s > 0:
            self._sleep(wait_s)
        return True

    def begin_without_burst(self) -> None:
        """Take the bucket as empty: another process has made as many calls until now as it lets through."""
        with self._lock:
            self._turn = max(self._turn, self._now() + longest_lead_s(self._bucket))

    def rest(self) -> None:
        """Let the next turns come later, because a call was throttled: others draw on the same bucket."""
        with self._lock:
            self._turn = turn_after_refusal(self._turn, self._bucket, self._now())


# By the bucket's name.
PACES: Cache[str, Pace] = Cache()


def pace_of(runtime: Runtime, bucket: Bucket) -> Pace:
    """Return the pace of this process for the calls of `bucket`."""
    return PACES.get(runtime, bucket.name) or PACES.keep(runtime, bucket.name, Pace(bucket, runtime.now, runtime.sleep))
