"""How fast the service scheduler launches the tasks of one service, and when it tries again after it has failed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

# Seconds until the first try after one that has failed.
FIRST_RETRY_S = 15.0
# Seconds until the last of the growing intervals without room (`Timing.backs_off`).
LONGEST_WITHOUT_ROOM_S = 300.0
# ECS Developer Guide, "Amazon ECS service throttle logic": where tasks do not start, the time between two tries grows
# "up to a maximum of 27 minutes".
LONGEST_WITHOUT_START_S = 27 * 60.0
MINUTE_S = 60.0


@dataclass(slots=True)
class Pace:
    """The pace of one service. Times are in seconds since the epoch.

    Attributes:
        waits_until: until when the scheduler does not try to place a task.
        without_room: how many tries in a row have found no room for a task.
        without_start: how many tasks in a row have not started.
        launched_at: when the tasks of the last minute were launched.
    """

    waits_until: float = 0.0
    without_room: int = 0
    without_start: int = 0
    launched_at: deque[float] = field(default_factory=deque)

    def allowed(self, now: float, most: int | None, wanted: int) -> int:
        """Return how many of the `wanted` tasks may be launched now, if `most` may be launched in a minute."""
        while self.launched_at and self.launched_at[0] <= now - MINUTE_S:
            self.launched_at.popleft()
        return wanted if most is None else min(wanted, most - len(self.launched_at))

    def more_allowed_at(self) -> float:
        """Return when another task may be launched, where a minute's number was reached."""
        return self.launched_at[0] + MINUTE_S

    def found_no_room(self, now: float) -> float:
        """Note a try that found no room, and return the seconds until the next one."""
        self.without_room += 1
        return self._wait(now, self.without_room, LONGEST_WITHOUT_ROOM_S)

    def did_not_start(self, now: float) -> float:
        """Note a task that did not start, and return the seconds until the next try."""
        self.without_start += 1
        return self._wait(now, self.without_start, LONGEST_WITHOUT_START_S)

    def begin_anew(self) -> None:
        """Forget what has failed: the service was updated."""
        self.waits_until, self.without_room, self.without_start = 0.0, 0, 0

    def _wait(self, now: float, failures: int, longest_s: float) -> float:
        # Doubled up to there at most: a power of a large number would overflow.
        wait_s = min(longest_s, FIRST_RETRY_S * 2.0 ** min(failures - 1, 10))
        self.waits_until = max(self.waits_until, now + wait_s)
        return self.waits_until - now
