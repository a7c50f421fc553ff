"""The work of a plan as units that must run, each with its latest start, and what of each runs in which interval.

A unit is a batch job, or one task of a service from the moment that it is wanted until it is not. Times are in seconds
from the start.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from simulator.workload.plan import ClusterPlan, ServiceChange
from steady.cluster import Size


@dataclass(frozen=True, slots=True)
class Unit:
    """One task.

    Attributes:
        at_s: when it is wanted.
        run_s: for how long it runs: a job from its start on, a task of a service at most until it is no more wanted.
        is_job: whether it is a job. The end of a task of a service does not depend on its start.
    """

    at_s: float
    run_s: float
    size: Size
    is_job: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """Which part of a unit runs when: all of it at the instants `first` to `last`, and a fraction of each slot.

    Attributes:
        first, last: indices of instants; `last` is the first one at which it does not run.
        slots: the fraction of slot k in which it runs, as steps `(k, change)`: the sum of the changes up to k.
    """

    first: int
    last: int
    slots: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Grid:
    """Instants t[0] = 0 to t[-1], and the slots between them: slot k, from 1 on, is from t[k - 1] to t[k]."""

    instants: tuple[float, ...]

    @staticmethod
    def of(until_s: float, step_s: float, also: Iterable[float] = ()) -> Grid:
        """Return the multiples of `step_s` up to `until_s`, with the instants `also` among them.

        >>> Grid.of(100, 60, [30, 300]).instants
        (0.0, 30.0, 60.0, 100.0)
        """
        regular = {index * step_s for index in range(int(until_s // step_s) + 1)}
        return Grid(tuple(sorted({float(t) for t in {*regular, *also, until_s} if 0 <= t <= until_s})))

    def profile(self, start_s: float, end_s: float) -> Profile:
        """Return the profile of what runs from `start_s` on, and no more at `end_s`."""
        t = self.instants
        start_s, end_s = max(0.0, start_s), min(t[-1], end_s)
        if end_s <= start_s:
            return Profile(0, 0, ())
        return Profile(bisect_left(t, start_s), bisect_left(t, end_s), tuple(self._changes(start_s, end_s)))

    def _changes(self, start_s: float, end_s: float) -> Iterator[tuple[int, float]]:
        t = self.instants
        first, last = bisect_right(t, start_s), bisect_left(t, end_s)
        before = 0.0
        for k in sorted({first, first + 1, last, last + 1}):
            now = 0.0
            if first <= k <= last:
                now = (min(end_s, t[k]) - max(start_s, t[k - 1])) / (t[k] - t[k - 1])
            if now != before:
                yield k, now - before
                before = now

    def starts(self, unit: Unit, wait_s: float) -> list[Profile]:
        """Return profiles of which every start of `unit` within `wait_s` is at least a mixture.

        Between two starts at which neither the start nor the end is on an instant, the fractions of the slots are
        linear in the start, and the same instants are covered. So a start is a mixture of the two breakpoints beside
        it, each of which covers only the instants that both of its neighbouring intervals cover.
        """
        earliest, latest = unit.at_s, unit.at_s + wait_s
        if not unit.is_job:
            return [self.profile(latest, unit.at_s + unit.run_s)]
        t = self.instants
        breaks = {earliest, latest}
        breaks.update(t[bisect_left(t, earliest) : bisect_right(t, latest)])
        ends = t[bisect_left(t, earliest + unit.run_s) : bisect_right(t, latest + unit.run_s)]
        breaks.update(end - unit.run_s for end in ends if earliest <= end - unit.run_s <= latest)
        ordered = sorted(breaks)
        found = []
        for index, start in enumerate(ordered):
            near = [start]
            near += [(start + ordered[index - 1]) / 2] if index else []
            near += [(start + ordered[index + 1]) / 2] if index + 1 < len(ordered) else []
            every = [self.profile(at, at + unit.run_s) for at in near]
            first, last = max(p.first for p in every), min(p.last for p in every)
            found.append(Profile(first, max(first, last), every[0].slots))
        return found

    def compulsory(self, unit: Unit, wait_s: float) -> Profile:
        """Return the profile of what of `unit` runs whenever it starts within `wait_s`."""
        return self.profile(unit.at_s + wait_s, unit.at_s + unit.run_s)


def units(plan: ClusterPlan, until_s: float) -> list[Unit]:
    """Return the units of `plan` that are wanted before `until_s`."""
    jobs = [Unit(j.submit_s, j.run_s, j.size, is_job=True) for j in plan.jobs if j.submit_s < until_s]
    by_service: dict[str, list[ServiceChange]] = {}
    for change in sorted(plan.services, key=lambda c: c.at_s):
        by_service.setdefault(change.service, []).append(change)
    return jobs + [unit for changes in by_service.values() for unit in _of_service(changes, until_s)]


def _of_service(changes: Sequence[ServiceChange], until_s: float) -> Iterator[Unit]:
    """Return the tasks of one service. The one that has been wanted for longest is the first that is not any more.

    So those that are wanted at a time are the newest ones, whichever of them the service had: at any time, the most of
    them may still wait.
    """
    wanted: deque[tuple[float, Size]] = deque()
    for change in changes:
        at_s = max(0.0, change.at_s)
        if at_s >= until_s:
            break
        for _ in range(change.desired - len(wanted)):
            wanted.append((at_s, change.size))
        for _ in range(len(wanted) - change.desired):
            since, size = wanted.popleft()
            if at_s > since:
                yield Unit(since, at_s - since, size, is_job=False)
    for since, size in wanted:
        yield Unit(since, until_s - since, size, is_job=False)
