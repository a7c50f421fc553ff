"""How fast calls of one kind are made: as a token bucket of our own, kept just under AWS's."""

from __future__ import annotations

import threading
from collections.abc import Callable

# After a refusal: a second of AWS's refill is left to whoever else calls.
REST_S = 1.0


class Pace:
    """Lets `burst` calls pass at once and then `per_s` a second; who comes too soon waits for its turn.

    Calls side by side share one: it hands out turns in the order in which they are asked for.
    """

    def __init__(self, burst: int, per_s: float, now: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._per_s = per_s
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        # When the next call may be made, if none had been for long: `burst` turns ago.
        self._turn = now() - burst / per_s
        self._oldest = burst / per_s

    def wait_for_turn(self) -> None:
        with self._lock:
            now = self._now()
            self._turn = max(self._turn + 1 / self._per_s, now - self._oldest)
            wait_s = self._turn - now
        if wait_s > 0:
            self._sleep(wait_s)

    def refused(self) -> None:
        """A call was throttled: others draw on the same bucket, and the next turns come later."""
        with self._lock:
            self._turn = max(self._turn, self._now() + REST_S)
