"""Schedule the StopTask calls of a service-out backwards from the deadlines, under the rate of the ECS API.

Every task has a last moment: its stop timeout must end before its instance does. Where many tasks have the same last
moment, the rate of the API spreads them: the last call is made then, and each other one earlier.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from steady.api_budget.limits import BUCKET_OF
from steady.service_out.doomed import DoomedTask, TaskKind

# The time for the StopTask call, its retries and the agent's poll; the stop timeout begins after it.
STOP_MARGIN_S = 8.0
# At the deadline a daemon is stopped this much later than other tasks: it ships their last log lines.
DAEMON_LATER_S = 3.0
# StopTask calls a second that the schedule counts on: a tenth of the API's rate is left to drains and to other callers.
STOPS_PER_S = 0.9 * BUCKET_OF["StopTask"].refill_per_s
# What a full bucket lets through at once, less 9 of its calls: those are left to drains, and to whoever runs tasks.
STOPS_AT_ONCE = BUCKET_OF["StopTask"].burst - 9
# Stops that take this much of the near future leave no time for a look at what is known.
BUSY_FOR_S, BUSY_WITHIN_S = 8.0, 25.0
# A step that crashes is done again once SQS delivers its messages again, after so many seconds (infra/wiring.py), or
# once the spare copy of its continuation comes, so many seconds after the continuation.
REDELIVERED_S, SPARE_LATER_S = 32.0, 5.0
# A schedule that comes more than this many seconds late cannot be kept.
LATE_S = 1.0


class Rank(IntEnum):
    """How much would be lost without the stop of a task, the most first. SERVED: requests may reach it."""

    SERVED = 0
    SERVICE = 1
    BATCH = 2
    DAEMON = 3


@dataclass(frozen=True, slots=True)
class Stop:
    """A StopTask call for the task `arn`, not before `at`, and by `by` (seconds since the epoch)."""

    arn: str
    at: float
    by: float
    rank: int = Rank.SERVED


def rank_of(task: DoomedTask) -> Rank:
    """Return the rank of the stop of `task`."""
    if task.kind is TaskKind.SERVICE:
        return Rank.SERVED if task.targets or task.targets_unknown else Rank.SERVICE
    return Rank.BATCH if task.kind is TaskKind.BATCH else Rank.DAEMON


def last_stop_at(task: DoomedTask, deadline_s: float) -> float:
    """Return when `task` must be stopped at the latest, so that its stop timeout ends before the instance does.

    >>> last_stop_at(DoomedTask("task-arn", "arn-1", TaskKind.BATCH, stop_timeout_s=30), deadline_s=120.0)
    82.0
    """
    later_s = DAEMON_LATER_S if task.kind is TaskKind.DAEMON else 0.0
    return deadline_s - task.stop_timeout_s - STOP_MARGIN_S + later_s


def last_moments(
    deadlines: Iterable[tuple[DoomedTask, float]], latest_of: Collection[str] = frozenset()
) -> Mapping[str, float]:
    """Return by when each task must be stopped so that all of them can be, by ARN.

    >>> tasks = [DoomedTask(arn, "arn-1", TaskKind.BATCH, stop_timeout_s=30) for arn in "abc"]
    >>> {arn: round(at, 3) for arn, at in last_moments((task, 120.0) for task in tasks).items()}
    {'c': 82.0, 'b': 81.972, 'a': 81.944}

    Args:
        deadlines: each task with the deadline of its instance, in seconds since the epoch.
        latest_of: the names of services whose tasks are stopped later than others that could be stopped then.
    """
    latest = [(last_stop_at(task, deadline_s), task) for task, deadline_s in deadlines]
    # Tasks of one instance follow each other, so that its targets can leave together.
    latest.sort(key=lambda one: (one[0], rank_of(one[1]), one[1].container_instance_arn, one[1].arn), reverse=True)
    moments: dict[str, float] = {}
    ready: list[tuple[bool, int]] = []
    at, begun = math.inf, 0
    # From the last call to the first one.
    while len(moments) < len(latest):
        if not ready:
            at = min(at, latest[begun][0])
        while begun < len(latest) and latest[begun][0] >= at:
            heapq.heappush(ready, (latest[begun][1].service not in latest_of, begun))
            begun += 1
        _, task = latest[heapq.heappop(ready)[1]]
        moments[task.arn] = at
        at -= 1 / STOPS_PER_S
    return moments


def in_order(stops: Iterable[Stop], now: float) -> Sequence[Stop]:
    """Return `stops` in the order in which they are to be made from `now` on.

    Among those that may be made, the one with the nearest last moment comes first: if all can be made in time, this
    order does it. If they cannot, the order is that of their ranks: batch tasks and daemons are lost first.

    >>> a, b = Stop("a", at=0.0, by=50.0), Stop("b", at=0.0, by=40.0)
    >>> [stop.arn for stop in in_order([a, b], now=0.0)]
    ['b', 'a']
    """
    waiting = sorted(stops, key=lambda stop: stop.at)
    planned = _planned(waiting, now, by_rank=False)
    if _come_late(planned):
        planned = _planned(waiting, now, by_rank=True)
    return [stop for _, stop in planned]


def come_late(stops: Iterable[Stop], now: float) -> bool:
    """Return whether not all of `stops` can be made by their last moments.

    >>> come_late([Stop(str(n), at=0.0, by=10.0) for n in range(360)], now=0.0)
    False
    >>> come_late([Stop(str(n), at=0.0, by=10.0) for n in range(560)], now=0.0)
    True
    """
    return _come_late(_planned(sorted(stops, key=lambda stop: stop.at), now, by_rank=False))


def _come_late(planned: Iterable[tuple[float, Stop]]) -> bool:
    return any(at > stop.by + LATE_S and stop.by > stop.at for at, stop in planned)


def _planned(waiting: Sequence[Stop], now: float, *, by_rank: bool) -> list[tuple[float, Stop]]:
    """Return when each stop is made if the one with the nearest last moment always comes next."""
    planned: list[tuple[float, Stop]] = []
    ready: list[tuple[int, float, str, Stop]] = []
    # The bucket is taken as full.
    at, begun = now, 0
    at_once = STOPS_AT_ONCE
    while len(planned) < len(waiting):
        if not ready:
            at = max(at, waiting[begun].at)
        while begun < len(waiting) and waiting[begun].at <= at:
            stop = waiting[begun]
            heapq.heappush(ready, (stop.rank if by_rank else 0, stop.by, stop.arn, stop))
            begun += 1
        planned.append((at, heapq.heappop(ready)[-1]))
        at_once -= 1
        if at_once < 0:
            at += 1 / STOPS_PER_S
    return planned


def as_planned(stops: Iterable[Stop], earlier: Iterable[Stop], now: float) -> Sequence[Stop]:
    """Return `stops` in their order, none later than in the `earlier` plan: that one knew when its target had left.

    Stops that wait for their last moment wait for it all the same.

    >>> [stop.at for stop in as_planned([Stop("a", at=41.0, by=82.0)], [Stop("a", at=27.0, by=82.0)], now=20.0)]
    [27.0]
    """
    known = {stop.arn: stop.at for stop in earlier}
    return in_order(
        (replace(s, at=min(s.at, known.get(s.arn, s.at))) if s.at < s.by else s for s in stops),
        now,
    )


class Agenda:
    """Stops that are left to make: always the first one, in their order, whose time has come. Threads may share it.

    >>> agenda = Agenda([Stop("a", at=30.0, by=50.0), Stop("b", at=10.0, by=60.0)])
    >>> agenda.take(now=20.0).arn, agenda.take(now=20.0), agenda.next_at()
    ('b', None, 30.0)
    """

    def __init__(self, stops: Iterable[Stop] = ()) -> None:
        self._lock = threading.Lock()
        self._taken: set[str] = set()
        self.plan(stops)

    def plan(self, stops: Iterable[Stop]) -> None:
        """Make these stops, and no others, the ones that are left, but for tasks whose stop was taken already."""
        with self._lock:
            left = enumerate(stop for stop in stops if stop.arn not in self._taken)
            self._later = deque(sorted(left, key=lambda numbered: numbered[1].at))
            self._ready: list[tuple[int, Stop]] = []

    def take(self, now: float) -> Stop | None:
        """Return the stop that is to be made at the time `now`; None: there is none, or none yet."""
        with self._lock:
            while self._later and self._later[0][1].at <= now:
                heapq.heappush(self._ready, self._later.popleft())
            if not self._ready:
                return None
            stop = heapq.heappop(self._ready)[1]
            self._taken.add(stop.arn)
            return stop

    def next_at(self) -> float:
        """Return when the next stop may be made; infinity: none is left."""
        with self._lock:
            if self._ready:
                return -math.inf
            return self._later[0][1].at if self._later else math.inf


def are_pressing(stops: Iterable[Stop], now: float) -> bool:
    """Return whether some of `stops` come late if a step at the time `now` crashes, and SQS delivers it again.

    >>> are_pressing([Stop("a", at=20.0, by=82.0)], now=20.0), are_pressing([Stop("a", at=82.0, by=82.0)], now=60.0)
    (False, True)
    """
    return any(now + SPARE_LATER_S - STOP_MARGIN_S < stop.by < now + REDELIVERED_S for stop in stops)


def fill(stops: Sequence[Stop], now: float) -> bool:
    """Return whether `stops` take the API's whole rate for `BUSY_FOR_S` seconds, within the `BUSY_WITHIN_S` from `now`.

    >>> fill([Stop(str(n), at=0.0, by=0.0) for n in range(400)], now=0.0)
    True
    """
    return sum(stop.at <= now + BUSY_WITHIN_S for stop in stops) >= STOPS_PER_S * BUSY_FOR_S
