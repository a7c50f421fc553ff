"""Compute how many tasks any handling could stop in time, at the rate of the ECS API."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from steady.api_budget.limits import BUCKET_OF

STOP_BUCKET = BUCKET_OF["StopTask"]
# Sums of many fortieths of a second are off by less.
ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class Stoppable:
    """One task. Its StopTask is useful from `from_s` on, and until `until_s`; both on one clock, in seconds."""

    from_s: float
    until_s: float

    @staticmethod
    def of(notice_s: float, terminated_s: float, stop_timeout_s: float, reached_s: float = 0.0) -> Stoppable:
        """Return the task of an instance with this notice and this end.

        No handling knows how long a task takes to end, but only how long it may take: its stop timeout.

        Args:
            reached_s: seconds from the notice until the first StopTask can be made.
        """
        return Stoppable(notice_s + reached_s, terminated_s - stop_timeout_s)


def physical_limit(tasks: Iterable[Stoppable], drains: int = 0) -> int:
    """Return the most of `tasks` whose StopTask can be useful, with 100 calls at once and then 40 a second.

    Each call goes to the task whose last useful moment comes first among those that can still be stopped (Glover's
    algorithm, which is exact). No call is late here, and no target must leave first: so a handling can be near the
    limit and never above it.

    Args:
        drains: the calls of UpdateContainerInstancesState, which draw on the same bucket.

    >>> tasks = [Stoppable.of(notice_s=0, terminated_s=120, stop_timeout_s=10)] * 6000
    >>> physical_limit(tasks)
    4500
    """
    waiting = sorted(tasks, key=lambda t: t.from_s, reverse=True)
    begin_s = waiting[-1].from_s if waiting else 0.0
    due: list[float] = []
    now, full_at = 0.0, drains / STOP_BUCKET.refill_per_s
    stopped = 0
    while waiting or due:
        if not due:
            now = max(now, waiting[-1].from_s - begin_s)
        # The bucket is full again at `full_at`; it has a token a whole burst, less one token, before.
        now = max(now, full_at - (STOP_BUCKET.burst - 1) / STOP_BUCKET.refill_per_s)
        while waiting and waiting[-1].from_s - begin_s <= now:
            heapq.heappush(due, waiting.pop().until_s - begin_s)
        while due and due[0] < now - ROUNDING_S:
            heapq.heappop(due)
        if due:
            heapq.heappop(due)
            stopped += 1
            full_at = max(now, full_at) + 1 / STOP_BUCKET.refill_per_s
    return stopped
