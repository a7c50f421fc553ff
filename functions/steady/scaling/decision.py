"""One decision about one cluster: what its capacity should be, why, and which instances come and go."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from steady.cluster import InstanceStatus, Pool, Snapshot
from steady.scaling import healing, rules, scale_in, scale_out, spot_fallback
from steady.scaling.pool import staying_units
from steady.scaling.reasons import AtMaximum, FellBack, Reason, ReplacedAhead, SpotIsBack, UnderMinimum
from steady.scaling.replacement import units_ahead
from steady.scaling.state import Memory
from steady.thresholds import Thresholds

# Nothing is emptied that a demand which comes back within so many seconds would need.
SCALE_IN_LOOKS_AHEAD_S = 900
# What comes due later than this is seen by the tick.
TICK_S = 60


@dataclass(frozen=True)
class Decision:
    """What to do about one cluster, as a value. Drains are container instance ARNs, terminations instance ids.

    `target` is the pool's capacity once all of it is done, in the pool's units; `on_demand` is how much of a fleet's is
    on-demand. `look_again_at` is when something comes due before the next tick, in seconds since the epoch.
    """

    cluster: str
    target: int
    reasons: tuple[Reason, ...] = ()
    to_drain: tuple[str, ...] = ()
    to_undrain: tuple[str, ...] = ()
    to_terminate: tuple[str, ...] = ()
    on_demand: int = 0
    look_again_at: float | None = None
    memory: Memory = field(default_factory=Memory)

    def acts_on(self, snapshot: Snapshot) -> bool:
        """Whether any call that changes something follows from this decision."""
        pool = snapshot.pool
        changed = (self.target, self.on_demand) != (pool.target, pool.on_demand)
        return changed or bool(self.to_drain or self.to_undrain or self.to_terminate)


def decide(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> Decision:
    """What to do about the cluster in `snapshot`: bounds first, then scale-out, then scale-in if nothing is wanted.

    `memory` must be `observed` already.
    """
    pool = snapshot.pool
    if thresholds.mode == "paused":
        return Decision(snapshot.cluster, pool.target, on_demand=pool.on_demand, memory=memory)
    healed = healing.heal(snapshot, memory, thresholds)
    bounds = Bounds.of(snapshot, thresholds).less(pool.units(healed.given_up))
    # What goes, and what will never register, is nothing to count on.
    present = _without(_without_raise(snapshot, memory), (*healed.to_terminate, *healed.given_up), bounds.minimum)
    decision = _decide_present(present, replace(memory, healing=healed.healing), thresholds, bounds)
    return _with_next_look(_with_healing(decision, healed, pool), present, thresholds)


def outward(decision: Decision, snapshot: Snapshot) -> Decision:
    """`decision` less all that takes capacity away: what is taken back and what is added stays."""
    pool = snapshot.pool
    return replace(
        decision,
        target=max(decision.target, pool.target),
        on_demand=max(decision.on_demand, pool.on_demand),
        to_drain=(),
        to_terminate=(),
        memory=replace(decision.memory, draining=_still_draining(decision, snapshot)),
    )


def _still_draining(decision: Decision, snapshot: Snapshot) -> dict[str, str]:
    """What scale-in chose and has begun to empty; what it chose only now is not begun."""
    begun = {i.arn for i in snapshot.instances if i.status is InstanceStatus.DRAINING}
    return {arn: id_ for arn, id_ in decision.memory.draining.items() if arn in begun}


def _decide_present(snapshot: Snapshot, memory: Memory, thresholds: Thresholds, bounds: "Bounds") -> Decision:
    """The decision that lasts, with what is asked for only for now: replacements ahead, and on-demand for Spot."""
    decision = _decide_lasting(snapshot, memory, thresholds, bounds)
    reasons = list(decision.reasons)
    ahead = units_ahead(snapshot, memory, thresholds, decision.target, bounds.maximum)
    if ahead:
        reasons.append(ReplacedAhead(ahead))
    target = decision.target + ahead
    short_since = spot_fallback.short_since(snapshot, memory, target)
    remembered = replace(decision.memory, raised_by=ahead, raised_to=target if ahead else 0, short_since=short_since)
    on_demand = spot_fallback.on_demand_units(snapshot, remembered, thresholds, target)
    if on_demand > snapshot.pool.on_demand and short_since is not None:
        reasons.append(FellBack(on_demand, snapshot.at - short_since))
    # A notice and a decision to take its instance back may cross: what is about to go takes no task.
    doomed = tuple(i.arn for i in snapshot.active if i.instance_id in memory.doomed)
    return replace(
        decision,
        target=target,
        on_demand=on_demand,
        reasons=tuple(reasons),
        to_drain=(*doomed, *(arn for arn in decision.to_drain if arn not in doomed)),
        memory=remembered,
    )


def _with_healing(decision: Decision, healed: healing.Round, pool: Pool) -> Decision:
    """`decision` with what healing does; what was given up is in the pool, and in its target, until its turn comes."""
    stuck = pool.units(healed.given_up)
    memory = decision.memory
    return replace(
        decision,
        target=decision.target + stuck,
        on_demand=decision.on_demand + pool.units(pool.on_demand_members.intersection(healed.given_up)),
        reasons=(*decision.reasons, *healed.reasons),
        to_drain=(*decision.to_drain, *healed.to_drain),
        to_undrain=(*decision.to_undrain, *healed.to_undrain),
        to_terminate=(*decision.to_terminate, *healed.to_terminate),
        memory=replace(memory, raised_to=memory.raised_to + stuck) if memory.raised_to else memory,
    )


def _without(snapshot: Snapshot, instance_ids: Collection[str], minimum: int) -> Snapshot:
    """`snapshot` as it is once `instance_ids` are gone from the pool, and its target is lower by them if it may be."""
    if not instance_ids:
        return snapshot
    pool = snapshot.pool
    members = {id_: type_ for id_, type_ in pool.members.items() if id_ not in instance_ids}
    target = min(pool.target, max(minimum, pool.target - pool.units(instance_ids)))
    return replace(snapshot, pool=replace(pool, members=members, target=target))


def _without_raise(snapshot: Snapshot, memory: Memory) -> Snapshot:
    """`snapshot` with the target that lasts: less what was asked for ahead, unless somebody changed it since."""
    pool = snapshot.pool
    if pool.target != memory.raised_to:
        return snapshot
    return replace(snapshot, pool=replace(pool, target=pool.target - memory.raised_by))


def _decide_lasting(snapshot: Snapshot, memory: Memory, thresholds: Thresholds, bounds: "Bounds") -> Decision:
    pool = snapshot.pool
    out = scale_out.wanted(snapshot, memory, thresholds)
    reasons = list(out.reasons)
    target = pool.target
    if target < bounds.minimum:
        reasons.insert(0, UnderMinimum(target, bounds.minimum))
    # A target that is under what the pool still holds promises nothing until it is over that.
    held = max(target, staying_units(snapshot, memory)) if out.add_units else target
    wanted = held + out.add_units
    if out.add_units and wanted > bounds.maximum:
        reasons.append(AtMaximum(wanted, bounds.maximum))
    # A target that someone set over the maximum is not pushed up, and not cut under what is running either.
    target = max(bounds.minimum, target, min(wanted, bounds.maximum))
    if out.open or target != pool.target:
        memory = replace(memory, low_since=None)
        return Decision(snapshot.cluster, target, tuple(reasons), to_undrain=out.to_undrain, memory=memory)
    return _scale_in(snapshot, memory, thresholds, bounds, out)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range a pool's target stays in: the operator's, within the group's own MinSize and MaxSize."""

    minimum: int
    maximum: int

    @staticmethod
    def of(snapshot: Snapshot, thresholds: Thresholds) -> "Bounds":
        maximum = min(snapshot.pool.maximum, thresholds.max_capacity)
        return Bounds(min(maximum, max(snapshot.pool.minimum, thresholds.min_capacity)), maximum)

    def less(self, units: int) -> "Bounds":
        """The range for the rest of a pool of which `units` are of no use."""
        maximum = max(0, self.maximum - units)
        return Bounds(min(self.minimum, maximum), maximum)


def _scale_in(
    snapshot: Snapshot, memory: Memory, thresholds: Thresholds, bounds: Bounds, out: scale_out.ScaleOut
) -> Decision:
    coming = rules.demand_coming_within(SCALE_IN_LOOKS_AHEAD_S, snapshot, memory, thresholds)
    reserve = out.reserve
    for want in coming:
        reserve |= want.capacity
    gone = scale_in.emptied(snapshot, memory.draining)
    chosen = scale_in.chosen(snapshot, memory.draining, memory.low_since, thresholds, bounds.minimum, reserve)
    target = scale_in.target_without(snapshot, gone.instance_ids, bounds.minimum)
    leaving = {*memory.draining, *(i.arn for i in chosen.instances)}
    given_back = spot_fallback.to_give_back(snapshot, leaving, snapshot.pool.target)
    to_drain = (*chosen.instances, *given_back)
    reasons = (*out.reasons, *gone.reasons, *chosen.reasons)
    return Decision(
        snapshot.cluster,
        target,
        (*reasons, SpotIsBack(len(given_back))) if given_back else reasons,
        to_drain=tuple(i.arn for i in to_drain),
        to_terminate=gone.instance_ids,
        memory=replace(
            memory,
            draining={**memory.draining, **{i.arn: i.instance_id for i in to_drain}},
            low_since=chosen.low_since,
        ),
    )


def _with_next_look(decision: Decision, snapshot: Snapshot, thresholds: Thresholds) -> Decision:
    """`decision` with a look booked for what comes due before the next tick, unless one is booked for then."""
    memory, now = decision.memory, snapshot.at
    due = [since + thresholds.drift_seconds for since in memory.drift_since.values()]
    if memory.short_since is not None and snapshot.pool.may_fall_back and snapshot.pool.held < decision.target:
        due.append(memory.short_since + thresholds.fallback_after_seconds)
    soon = [at for at in due if now < at < now + TICK_S]
    if not soon or now < memory.next_look_at <= min(soon) + 1:
        return decision
    return replace(decision, look_again_at=min(soon), memory=replace(memory, next_look_at=min(soon)))
