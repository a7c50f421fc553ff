"""When a cluster must be looked at before the next tick: something comes due by then."""

from steady.cluster import Snapshot
from steady.scaling.change import Change
from steady.scaling.pool import next_shape, shapes_of
from steady.scaling.spot_patience import falls_back_at, patience_s
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds

# The next tick sees what comes due later than this.
TICK_S = 60
# A pool launches within so many seconds.
LAUNCHED_AFTER_S = 20
# While renewal waits for replacements, or for instances to become empty, a cluster of this many instances or fewer is
# looked at each so many seconds; a larger one less often, since a look takes more calls.
RENEWING_EACH_S, RENEWING_INSTANCES = 15.0, 100
# An instance that has been emptied for longer than this has a batch task: nobody waits for that.
EMPTIED_WITHIN_S = 600.0


def book(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds, target: int) -> Change:
    """Book a look for what comes due before the next tick, unless one is booked for then.

    Args:
        target: the target that is decided on.
    """
    pool, now = snapshot.pool, snapshot.at
    due = [since + thresholds.drift_seconds for since in state.drift_since.values()]
    if state.short_since is not None and pool.may_fall_back and pool.held < target:
        due.append(falls_back_at(snapshot, state, state.short_since, thresholds))
    if state.delivery.short_since is not None and pool.held < target:
        # Another pool is asked then: a task that waits must not wait for the tick.
        due.append(state.delivery.short_since + patience_s(snapshot, state, thresholds))
    shapes = shapes_of(snapshot, state)
    if target > pool.target and len(shapes) > 1 and not next_shape(snapshot, state, shapes):
        # Which type the pool launches is known then: another one than was taken for it may need more units.
        due.append(now + LAUNCHED_AFTER_S)
    if _is_renewing(snapshot, state):
        due.append(now + RENEWING_EACH_S * max(1.0, len(snapshot.instances) / RENEWING_INSTANCES))
    soon = [at for at in due if now < at < now + TICK_S]
    if not soon or now < state.next_look_at <= min(soon) + 1:
        return Change()
    return Change(look_again_at=min(soon), state={"next_look_at": min(soon)})


def _is_renewing(snapshot: Snapshot, state: ScalingState) -> bool:
    """Whether renewal goes on once something comes that no event tells of."""
    progress = state.renewal
    if progress.stopped or snapshot.pool.drift_unread:
        return False
    return bool(progress.asked) or any(snapshot.at - since < EMPTIED_WITHIN_S for since in progress.old.values())
