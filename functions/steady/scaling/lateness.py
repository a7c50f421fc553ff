"""Lateness: tasks that have waited for a place for longer than new capacity takes to come, whatever the cause."""

from dataclasses import dataclass

from steady.cluster import Snapshot
from steady.scaling.demand import waiting
from steady.scaling.reasons import Reason
from steady.scaling.rules import ready_s
from steady.scaling.state import ScalingState

# Within one boot a task finds its place if all goes well; within a second one, if the first instance was lost.
BOOTS = 2


@dataclass(frozen=True, slots=True)
class PoolDoesNotLaunch(Reason):
    """The pool holds less than its target, and AWS says why."""

    missing: int
    why: str

    def __str__(self) -> str:
        return f"the pool is {self.missing} units short of its target: {self.why}"


def late_tasks(snapshot: Snapshot, state: ScalingState) -> int:
    """Return how many tasks have waited for more than two boots: of services, and of batch launchers."""
    before = snapshot.at - BOOTS * ready_s(state)
    services = sum(s.missing for s in snapshot.services if state.drift_since.get(s.name, snapshot.at) < before)
    return services + sum(d.first_said_at < before for d in waiting(state.demands, snapshot.at))


def say_trouble(snapshot: Snapshot) -> tuple[Reason, ...]:
    """Return AWS's own words on a launch that failed, if the pool is short of its target."""
    pool = snapshot.pool
    missing = pool.target - pool.held
    return (PoolDoesNotLaunch(missing, pool.trouble),) if pool.trouble and missing > 0 else ()
