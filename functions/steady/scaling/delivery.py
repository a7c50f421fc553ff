"""Delivery: whether a pool of several gives what it is asked for; one that does not is passed over for a while.

Kubernetes' cluster-autoscaler does the same with a node group whose scale-up fails (its flags
`initial-node-group-backoff-duration`, 5 minutes, and `max-node-group-backoff-duration`, 30 minutes).
"""

from dataclasses import dataclass, replace

from steady.cluster import Snapshot
from steady.scaling.decision import Decision
from steady.scaling.pool import Bounds
from steady.scaling.pool_state import Delivery
from steady.scaling.reasons import FellBack, Reason
from steady.scaling.spot_patience import TRICKLES, falls_back_at, patience_s
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds

FIRST_BACK_OFF_S = 300.0
LONGEST_BACK_OFF_S = 1800.0


@dataclass(frozen=True, slots=True)
class PassedOver(Reason):
    """The pool does not deliver: other pools are asked in its place, and its target is what it holds."""

    why: str
    again_s: float

    def __str__(self) -> str:
        return f"the pool does not deliver ({self.why}): other pools are asked for {self.again_s:.0f} s, then it again"


def seen(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> Delivery:
    """Return the delivery of the pool in `snapshot` after `state`.

    A pool is passed over if AWS refuses to raise its target, if it launches nothing for longer than its launches take
    (`steady.scaling.spot_patience`), or if healing has terminated an instance of it that did not come up. Each time it
    fails again, it is passed over for twice as long; once it holds what it is asked for, the next time counts as the
    first.
    """
    now, pool, known = snapshot.at, snapshot.pool, state.delivery
    # A pool gets the time for a launch from when its target was raised, however long it was short of a lower one.
    raised_at = now if pool.target > known.target else known.raised_at
    if now < known.passed_over_until:
        return replace(known, held=pool.held, target=pool.target, raised_at=raised_at)
    if pool.target < known.refused_target:
        looked = replace(known, held=pool.held, target=pool.target, raised_at=raised_at, refused_target=0)
        return _passed_over(looked, now, known.why)
    is_short = pool.held < pool.target
    short_since = known.short_since if known.short_since is not None and pool.held <= known.held else now
    looked = replace(
        known,
        short_since=short_since if is_short else None,
        held=pool.held,
        target=pool.target,
        raised_at=raised_at,
        refused_target=0,
    )
    boots = state.healing.unanswered
    if boots and boots[-1] > known.passed_over_until - known.back_off_s:
        return _passed_over(looked, now, "its new instances do not register, or are ill")
    if not is_short:
        has_proved = known.short_since is not None and not boots
        return replace(looked, back_off_s=0.0, why="") if has_proved else looked
    wait_s = patience_s(snapshot, state, thresholds)
    since, due_at = short_since, max(short_since, raised_at) + wait_s
    if pool.traits.has_on_demand_part and state.short_since is not None:
        # Another pool is asked before this one launches on-demand.
        since, due_at = state.short_since, falls_back_at(snapshot, state, state.short_since, thresholds)
        if pool.on_demand > pool.units(pool.on_demand_members):
            # It does so already, because the market took back much of it at once.
            due_at = max(due_at, raised_at + wait_s)
    if now < min(due_at, since + TRICKLES * wait_s):
        return looked
    return _passed_over(looked, now, pool.trouble or f"it has been short of its target for {now - since:.0f} s")


def asked(decision: Decision, snapshot: Snapshot) -> Decision:
    """Return `decision` about a pool that is asked for more than it holds: from now on, it is short of its target."""
    known, pool = decision.state.delivery, snapshot.pool
    if known.short_since is not None or decision.target <= max(pool.held, pool.target):
        return decision
    delivery = replace(known, short_since=snapshot.at, held=pool.held)
    return replace(decision, state=replace(decision.state, delivery=delivery))


def refused(delivery: Delivery, target: int, why: str) -> Delivery:
    """Return the `delivery` of a pool that AWS refuses to ask for `target` units; `why` is in AWS's words."""
    return replace(delivery, refused_target=target, why=why)


def give_back(decision: Decision, snapshot: Snapshot, thresholds: Thresholds) -> Decision:
    """Return `decision` about a pool that is passed over: its target is what it holds, or its minimum.

    What it was asked for, other pools are asked for now: launched later, it would come on top.
    """
    pool, known = snapshot.pool, decision.state.delivery
    held = pool.units(id_ for id_ in pool.members if id_ not in decision.to_terminate)
    target = min(decision.target, max(held, Bounds.of(snapshot, thresholds).minimum))
    return replace(
        decision,
        target=target,
        on_demand=min(decision.on_demand, pool.on_demand, target),
        for_now=0,
        reasons=(
            *(r for r in decision.reasons if not isinstance(r, FellBack)),
            PassedOver(known.why, known.passed_over_until - snapshot.at),
        ),
        state=replace(decision.state, raised_by=0, raised_to=0),
    )


def _passed_over(looked: Delivery, now: float, why: str) -> Delivery:
    back_off_s = min(LONGEST_BACK_OFF_S, max(FIRST_BACK_OFF_S, 2 * looked.back_off_s))
    return replace(looked, passed_over_until=now + back_off_s, back_off_s=back_off_s, why=why, short_since=None)
