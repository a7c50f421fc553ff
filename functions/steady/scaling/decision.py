"""One decision about one cluster: what its capacity should be, why, and which instances come and go.

Each part of the decision looks at the situation and at what is decided so far, and returns a `Change`. `decide` folds
the changes, in the order of `PARTS`, into one `Decision`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from steady.cluster import ContainerInstance, InstanceStatus, Snapshot, largest
from steady.scaling import (
    late_batch,
    next_look,
    renewal,
    renewal_round,
    scale_in,
    scale_out,
    spot_fallback,
    stuck_drains,
    surge,
    type_order,
)
from steady.scaling.change import Change
from steady.scaling.lateness import say_trouble
from steady.scaling.pool import Bounds, staying_units, target_after_leaving
from steady.scaling.reasons import AtMaximum, Reason, SpotIsBack, TerminationsRefused, UnderMinimum
from steady.scaling.renewal_round import Round
from steady.scaling.replacement import replace_ahead
from steady.scaling.rules import demand_coming_within, rise_within
from steady.scaling.situation import Situation
from steady.scaling.state import ScalingState
from steady.scaling.terminations import held_back
from steady.scaling.tries import Tries
from steady.thresholds import Thresholds

# Scale-in keeps what a demand that comes back within this many seconds would need.
SCALE_IN_LOOKS_AHEAD_S = 900
# What would have to be launched again within this many seconds is not taken away.
CALM_S = 600


@dataclass(frozen=True)
class Decision:
    """A decision about one cluster, as a value. Drains are container instance ARNs, terminations instance ids.

    Attributes:
        target: the pool's capacity once all of the decision is done, in the pool's units.
        for_now: how many of these units are asked for only until other instances have gone.
        to_forget: the ARNs of the container instances whose drain mark is deleted.
        on_demand: how much of `target` is on-demand.
        look_again_at: when something comes due before the next tick, in seconds since the epoch.
        order: the order in which the pool is to launch its types from now on; nothing: it stays as it is.
        state: what is remembered until the next decision.
    """

    cluster: str
    target: int
    reasons: tuple[Reason, ...] = ()
    to_drain: tuple[str, ...] = ()
    to_undrain: tuple[str, ...] = ()
    to_terminate: tuple[str, ...] = ()
    to_forget: tuple[str, ...] = ()
    on_demand: int = 0
    for_now: int = 0
    look_again_at: float | None = None
    order: tuple[str, ...] = ()
    state: ScalingState = field(default_factory=ScalingState)

    def acts_on(self, snapshot: Snapshot) -> bool:
        """Whether the decision needs a call that changes something."""
        pool = snapshot.pool
        changed = (self.target, self.on_demand) != (pool.target, pool.on_demand) or bool(self.order)
        changed = changed or pool.has_stale_mark
        return changed or bool(self.to_drain or self.to_undrain or self.to_terminate or self.to_forget)

    def fold(self, change: Change) -> "Decision":
        """Return this decision with `change` added to it."""
        return Decision(
            self.cluster,
            self.target + change.units,
            (*self.reasons, *change.reasons),
            # An instance may be named by two parts; it is drained once.
            tuple(dict.fromkeys((*self.to_drain, *change.to_drain))),
            (*self.to_undrain, *change.to_undrain),
            (*self.to_terminate, *change.to_terminate),
            (*self.to_forget, *change.to_forget),
            self.on_demand + change.on_demand,
            self.for_now + change.units_for_now,
            self.look_again_at if change.look_again_at is None else change.look_again_at,
            change.order or self.order,
            replace(self.state, **change.state),
        )


def decide(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> Decision:
    """Decide about the cluster in `snapshot`: scale-out first, then scale-in if no task waits for capacity.

    Args:
        state: what is remembered of the cluster, as `update_state` returns it for this snapshot.
    """
    if thresholds.mode == "paused":
        return Decision(snapshot.cluster, snapshot.pool.target, on_demand=snapshot.pool.on_demand, state=state)
    situation = Situation.of(snapshot, state, thresholds)
    # Which instances healing empties matters to the other parts: they do not count as leaving.
    state = replace(state, healing=situation.healed.change.state["healing"])
    decision = Decision(snapshot.cluster, situation.snapshot.pool.target, state=state)
    for part in PARTS:
        decision = decision.fold(part(situation, decision))
    raised_to = decision.target if decision.for_now else 0
    renewed = renewal_round.with_target(decision.state.renewal, decision.target - decision.for_now, snapshot.pool)
    remembered = replace(decision.state, raised_by=decision.for_now, raised_to=raised_to, renewal=renewed)
    return replace(decision, state=remembered)


def grow_only(decision: Decision, snapshot: Snapshot) -> Decision:
    """Return `decision` without what takes capacity away: what it takes back and what it adds stays."""
    pool = snapshot.pool
    begun = {i.arn for i in snapshot.instances if i.status is InstanceStatus.DRAINING}
    draining = {arn: id_ for arn, id_ in decision.state.draining.items() if arn in begun}
    return replace(
        decision,
        target=max(decision.target, pool.target),
        on_demand=max(decision.on_demand, pool.on_demand),
        to_drain=(),
        to_terminate=(),
        order=(),
        # What this decision chose for scale-in is not begun.
        state=replace(decision.state, draining=draining),
    )


def instances_to_read(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> list[ContainerInstance]:
    """Return the instances that `decide` may empty or end: it must know the tasks on them (`Snapshot.tasks_of`)."""
    snapshot = stuck_drains.with_spared(snapshot, state)
    low_since = None if renewal_round.has_surplus(snapshot, state) else state.low_since
    due = scale_in.candidates(snapshot, low_since, thresholds, Bounds.of(snapshot, thresholds).minimum)
    due += [i for i in renewal_round.instances_to_read(snapshot, state, thresholds) if i not in due]
    due += [i for i in spot_fallback.on_demand_instances(snapshot) if i not in due and i.arn not in snapshot.pinned]
    draining = stuck_drains.instances_to_read(snapshot, state)
    draining += [i for i in late_batch.instances_to_read(snapshot, state, thresholds) if i not in draining]
    return draining + due


def _drain_interrupted(situation: Situation, decision: Decision) -> Change:
    """Drain what a notice names. A decision that took such an instance back may have crossed the notice."""
    doomed = decision.state.doomed
    return Change(to_drain=tuple(i.arn for i in situation.snapshot.active if i.instance_id in doomed))


def _scale(situation: Situation, decision: Decision) -> Change:
    """Set the target, what scale-in empties, and the type that comes next."""
    snapshot, state = situation.snapshot, decision.state
    out = scale_out.scale_out(snapshot, state, situation.thresholds)
    front = out.front if situation.thresholds.type_order == "fitting" else ()
    return type_order.with_first(_sized(situation, decision, out), front, snapshot.pool, state)


def _sized(situation: Situation, decision: Decision, out: scale_out.ScaleOut) -> Change:
    """Keep the target within its bounds; scale out; scale in if nothing asks for capacity."""
    snapshot, state, bounds = situation.snapshot, decision.state, situation.bounds
    pool = snapshot.pool
    reasons = list(out.reasons)
    target = pool.target
    if target < bounds.minimum:
        reasons.insert(0, UnderMinimum(target, bounds.minimum))
    # A target under what the pool still holds adds nothing until it is over that.
    held = max(target, staying_units(snapshot, state)) if out.add_units else target
    wanted = held + out.add_units
    if out.add_units and wanted > bounds.maximum:
        reasons.append(AtMaximum(wanted, bounds.maximum))
    # A target that someone set over the maximum is neither raised nor cut under what is running.
    target = max(bounds.minimum, target, min(wanted, bounds.maximum))
    if out.is_open or target != pool.target:
        return Change(
            units=target - pool.target,
            to_undrain=out.to_undrain,
            reasons=tuple(reasons),
            state={"low_since": None, "tries": _tries(out, state)},
        )
    return _scale_in(situation, decision, out)


def _tries(out: scale_out.ScaleOut, state: ScalingState) -> Mapping[str, Tries]:
    return state.tries if out.tries is None else out.tries


def _scale_in(situation: Situation, decision: Decision, out: scale_out.ScaleOut) -> Change:
    snapshot, state, minimum = situation.snapshot, decision.state, situation.bounds.minimum
    thresholds, low_since = situation.thresholds, state.low_since
    coming = demand_coming_within(SCALE_IN_LOOKS_AHEAD_S, snapshot, state, thresholds)
    recurring = largest(*(want.capacity for want in coming))
    kept = largest(out.reserve + rise_within(CALM_S, snapshot, state, thresholds), recurring)
    passed = {arn: id_ for arn, id_ in state.interrupted.items() if id_ not in state.doomed}
    held = held_back(state.refusals, snapshot.at)
    waiting = {arn: id_ for arn, id_ in {**state.draining, **passed}.items() if id_ not in held}
    emptied = scale_in.find_emptied(snapshot, waiting)
    keep = scale_in.Kept(kept, recurring, out.keep)
    chosen = scale_in.choose(snapshot, state.draining, low_since, thresholds, minimum, keep)
    if renewal_round.has_surplus(snapshot, state):
        chosen = scale_in.Chosen()
    target = target_after_leaving(snapshot, emptied.instance_ids, minimum)
    leaving = {*state.draining, *(i.arn for i in chosen.instances)}
    given_back = spot_fallback.find_replaceable(snapshot, state, leaving, snapshot.pool.target)
    to_drain = (*chosen.instances, *given_back)
    reasons = (*out.reasons, *emptied.reasons, *chosen.reasons)
    return Change(
        units=target - snapshot.pool.target,
        to_drain=tuple(i.arn for i in to_drain),
        to_terminate=emptied.instance_ids,
        reasons=(*reasons, SpotIsBack(len(given_back))) if given_back else reasons,
        state={
            "draining": {**state.draining, **{i.arn: i.instance_id for i in to_drain}},
            "low_since": chosen.low_since,
            "tries": _tries(out, state),
        },
    )


def _renew(situation: Situation, decision: Decision) -> Change:
    snapshot, state, thresholds = situation.snapshot, decision.state, situation.thresholds
    matters = bool(snapshot.pool.drifted or state.renewal.asked)
    is_wanted = matters and scale_out.scale_out(snapshot, state, thresholds).is_open
    # What an emptied instance takes with it is nobody else's.
    is_calm = not is_wanted and decision.target <= snapshot.pool.target and not situation.healed.change.to_terminate
    back = frozenset(decision.to_undrain).difference(state.spared_until)
    at, ended = decision.target, frozenset(decision.to_terminate)
    return renewal.renew(Round(snapshot, state, thresholds, at, situation.bounds, is_wanted, is_calm, back, ended))


def _replace_ahead(situation: Situation, decision: Decision) -> Change:
    return replace_ahead(
        situation.snapshot, decision.state, situation.thresholds, decision.target, situation.bounds.maximum
    )


def _fall_back(situation: Situation, decision: Decision) -> Change:
    snapshot, going = situation.snapshot, decision.to_terminate
    left = _surge_left(situation, decision)
    return spot_fallback.fall_back(snapshot, decision.state, situation.thresholds, decision.target, going, left)


def _win_back(situation: Situation, decision: Decision) -> Change:
    snapshot, going, left = situation.snapshot, decision.to_terminate, _surge_left(situation, decision)
    return spot_fallback.win_back(snapshot, decision.state, decision.target, situation.asked, going, left)


def _surge_left(situation: Situation, decision: Decision) -> int | None:
    target = decision.target - decision.for_now
    return surge.units_left(situation.snapshot, decision.state, situation.thresholds, target, decision.to_terminate)


def _look_again(situation: Situation, decision: Decision) -> Change:
    return next_look.book(situation.snapshot, decision.state, situation.thresholds, decision.target)


Part = Callable[[Situation, Decision], Change]
PARTS: tuple[Part, ...] = (
    _drain_interrupted,
    _scale,
    lambda situation, decision: stuck_drains.spare(situation.snapshot, decision.state, decision.to_undrain),
    lambda situation, decision: Change(reasons=say_trouble(situation.snapshot)),
    _renew,
    lambda situation, decision: late_batch.say_late(situation.snapshot, decision.state, situation.thresholds),
    _replace_ahead,
    _fall_back,
    _win_back,
    lambda situation, decision: situation.healed.change,
    lambda situation, decision: Change(reasons=TerminationsRefused.of(decision.state.refusals, situation.snapshot.at)),
    lambda situation, decision: situation.reviewed,
    _look_again,
)
