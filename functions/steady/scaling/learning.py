"""Learning at each look: the spare capacity, how much of an expected rise to cover, and how many tasks have started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from steady.cluster import Snapshot
from steady.scaling.recurrence import History
from steady.scaling.reservation import reserved_on
from steady.scaling.staffing import Staffing, step
from steady.thresholds import Thresholds

# A rise that recurs may turn out to be twice as large as the earlier ones say.
LARGEST_COVER = 2.0
# How many tasks the share that started at once is of, and how few say nothing yet.
LATEST_TASKS = 500
FEWEST_TASKS = 100


@dataclass(frozen=True, slots=True)
class Lately:
    """Of the latest `LATEST_TASKS` tasks or so, how many had to wait: an older task counts for less."""

    started: float = 0.0
    waited: float = 0.0

    @property
    def at_once_percent(self) -> float | None:
        """How many of 100 tasks started without waiting; None while too few have started."""
        if self.started < FEWEST_TASKS:
            return None
        return 100 * (1 - min(1.0, self.waited / self.started))

    def shortfall(self, share_percent: int) -> float:
        """Return by how many points fewer tasks start at once than the operator asks; 0 while too few have started."""
        got = self.at_once_percent
        return 0.0 if got is None else max(0.0, share_percent - got)

    def count(self, started: float, waited: float) -> Lately:
        """Return this with `started` more tasks, and `waited` more that found no room."""
        kept = (1 - 1 / LATEST_TASKS) ** started
        return Lately(self.started * kept + started, self.waited * kept + waited)


NONE_YET = Lately()


class Learned(NamedTuple):
    """What is remembered of the tasks until a look: the fields of `ScalingState` of these names."""

    staffing: Staffing
    waited_at: float | None
    cover: float
    started: float
    lately: Lately


class Waiting(NamedTuple):
    """The tasks that wait at a look.

    Attributes:
        lacking: how many tasks of services find no room.
        waits: how many tasks of a batch launcher wait.
        new_demands: how many of them wait since the last look.
        displaced: whether a notice has displaced tasks of late.
    """

    lacking: int
    waits: int
    new_demands: int
    displaced: bool


def learn(snapshot: Snapshot, before: Learned, history: History, waiting: Waiting, thresholds: Thresholds) -> Learned:
    """Return what is learned from the tasks that came since the last look.

    Tasks of a rise that was expected, and that the spare capacity does not hold, teach how much of such a rise to
    cover; all others teach the spare capacity.

    Args:
        history: of the demand until the last look.
    """
    now, known, share = snapshot.at, before.staffing, thresholds.start_at_once_share
    waited_at = now if before.waited_at is None else before.waited_at
    daemons = snapshot.daemons.tasks_on(len(snapshot.instances))
    tasks = sum(i.task_count for i in snapshot.instances) - daemons + waiting.lacking + waiting.waits
    counted = _started(snapshot, before.started)
    started = known.came(tasks, waited=0) if counted is None else counted
    waited = 0 if known.tasks is None else known.waited(waiting.lacking, waiting.new_demands)
    total, lately = before.started + started, before.lately.count(started, waited)
    if waiting.displaced:
        # These tasks teach nothing: spare capacity would not have held a whole fleet's tasks.
        return Learned(known.count(tasks, waiting.lacking), waited_at, before.cover, total, lately)
    if waited:
        # What has faded until now does not come back with a task that waits.
        known, waited_at = known.faded(waited_at, now), now
    if thresholds.learning == "on" and _is_expected_rise(snapshot, known, history):
        if not share:
            # Nothing is asked of the spare capacity: a rise that recurs is covered all the same.
            return Learned(known.count(tasks, waiting.lacking), waited_at, 1.0, total, lately)
        came = known.came(tasks, waited) if counted is None else counted
        # Less than the share of what is expected cannot be enough.
        cover = min(LARGEST_COVER, max(share / 100, before.cover + step(waited, came, share)))
        return Learned(known.count(tasks, waiting.lacking), waited_at, cover, total, lately)
    staffing = known.learn(tasks, waiting.lacking, waiting.new_demands, share, counted)
    return Learned(staffing, waited_at, before.cover, total, lately)


def _is_expected_rise(snapshot: Snapshot, staffing: Staffing, history: History) -> bool:
    """Whether a rise is expected now that needs more than the spare capacity."""
    if not snapshot.active:
        return False
    reserved = reserved_on(snapshot.active)
    one = max((i.registered for i in snapshot.active), key=lambda size: (size.memory_mib, size.cpu_units))
    held = reserved + staffing.room(reserved, one)
    return any(not held.holds(rise.demand) for rise in history.recurring(snapshot.at, snapshot.at, reserved))


def _started(snapshot: Snapshot, total: float) -> float | None:
    """Return how many tasks have started since the last look, whichever process took it; None: nobody has counted.

    Args:
        total: how many tasks had started by the last look.
    """
    counted = snapshot.started
    if counted is None:
        return None
    # What other processes have counted since this one last did is among its own.
    return max(0.0, counted.tasks - (total - counted.total))
