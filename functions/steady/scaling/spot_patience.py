"""How long a pool that is short of Spot is waited for: as long as its own launches take, and a margin."""

from dataclasses import dataclass

from steady.cluster import Snapshot
from steady.scaling.change import StateChange
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds

# Seconds that a launch is taken to need while none was seen (kubernetes-retired/kube-aws, issue 843: 57 s).
USUAL_LAUNCH_S = 60.0
# A look comes each minute: what was seen later than that after a launch says nothing of the pool.
LONGEST_LAUNCH_S = 120.0
# How many of the latest launches are remembered.
LAUNCHES_KEPT = 5
# A market that gives a little again and again is short nevertheless, after this many times the patience.
TRICKLES = 3


@dataclass(frozen=True, slots=True)
class Shortage:
    """The progress of a shortage of Spot, as a look has seen it. Times are in seconds since the epoch.

    Attributes:
        since: since when the pool has held less than its target; None: it holds it.
        grew_at: when it last launched a Spot Instance since then; 0: it has launched none.
        held: the units of Spot Instances that it holds.
        launches_s: how many seconds its latest launches took.
    """

    since: float | None
    grew_at: float
    held: int
    launches_s: tuple[float, ...]

    @staticmethod
    def seen(snapshot: Snapshot, state: ScalingState, since: float | None) -> "Shortage":
        """Return the shortage that `snapshot` shows after `state`.

        Args:
            since: since when the pool is short now; None if it is not.
        """
        pool, now, before = snapshot.pool, snapshot.at, state.short_since
        held = pool.held - pool.units(pool.on_demand_members)
        has_grown = before is not None and held > state.spot_held
        launches_s = state.launches_s
        if has_grown and before is not None:
            took_s = min(LONGEST_LAUNCH_S, now - max(before, state.spot_grew_at))
            launches_s = (*launches_s, took_s)[-LAUNCHES_KEPT:]
        grew_at = now if has_grown else state.spot_grew_at
        return Shortage(since, grew_at if since is not None else 0.0, held, launches_s)

    @property
    def fields(self) -> StateChange:
        """The fields of the state that remember it."""
        return {
            "short_since": self.since,
            "spot_grew_at": self.grew_at,
            "spot_held": self.held,
            "launches_s": self.launches_s,
        }


def patience_s(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> float:
    """Return for how many seconds a pool may launch no Spot Instance before it counts as short.

    That is the slowest of its latest launches, and `fallback_after_seconds`. Where AWS itself says why nothing is
    launched, it is the threshold alone.
    """
    margin_s = float(thresholds.fallback_after_seconds)
    if snapshot.pool.trouble:
        return margin_s
    return margin_s + max(state.launches_s, default=USUAL_LAUNCH_S)


def falls_back_at(snapshot: Snapshot, state: ScalingState, since: float, thresholds: Thresholds) -> float:
    """Return when the missing capacity of a pool that has been short `since` then is launched on-demand."""
    wait_s = patience_s(snapshot, state, thresholds)
    return min(max(since, state.spot_grew_at) + wait_s, since + TRICKLES * wait_s)
