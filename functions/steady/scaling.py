"""One decision about one cluster: what its capacity should be, why, and which instances come and go."""

from dataclasses import dataclass, field, replace

from steady import scale_in, scale_out
from steady.cluster import Snapshot
from steady.memory import Memory
from steady.reasons import AtMaximum, Reason, ReplacedAhead, UnderMinimum
from steady.replacement import units_ahead
from steady.thresholds import Thresholds


@dataclass(frozen=True)
class Decision:
    """What to do about one cluster, as a value. Drains are container instance ARNs, terminations instance ids.

    `target` is the pool's capacity once all of it is done, in the pool's units.
    """

    cluster: str
    target: int
    reasons: tuple[Reason, ...] = ()
    to_drain: tuple[str, ...] = ()
    to_undrain: tuple[str, ...] = ()
    to_terminate: tuple[str, ...] = ()
    memory: Memory = field(default_factory=Memory)

    def acts_on(self, snapshot: Snapshot) -> bool:
        """Whether any call that changes something follows from this decision."""
        changed = self.target != snapshot.pool.target
        return changed or bool(self.to_drain or self.to_undrain or self.to_terminate)


def decide(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> Decision:
    """What to do about the cluster in `snapshot`: bounds first, then scale-out, then scale-in if nothing is wanted.

    `memory` must be `observed` already.
    """
    if thresholds.mode == "paused":
        return Decision(snapshot.cluster, snapshot.pool.target, memory=memory)
    bounds = Bounds.of(snapshot, thresholds)
    decision = _decide_lasting(_without_raise(snapshot, memory), memory, thresholds, bounds)
    ahead = units_ahead(snapshot, memory, thresholds, decision.target, bounds.maximum)
    reasons = (*decision.reasons, ReplacedAhead(ahead)) if ahead else decision.reasons
    target = decision.target + ahead
    raised = replace(decision.memory, raised_by=ahead, raised_to=target if ahead else 0)
    return replace(decision, target=target, reasons=reasons, memory=raised)


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
    held = max(target, scale_out.staying_capacity(snapshot, memory)) if out.add else target
    wanted = held + out.add * pool.weight(memory.instance_type)
    if out.add and wanted > bounds.maximum:
        reasons.append(AtMaximum(wanted, bounds.maximum))
    # A target that someone set over the maximum is not pushed up, and not cut under what is running either.
    target = max(bounds.minimum, target, min(wanted, bounds.maximum))
    if out.open or target != pool.target:
        memory = replace(memory, low_since=None)
        return Decision(snapshot.cluster, target, tuple(reasons), to_undrain=out.to_undrain, memory=memory)
    return _scale_in(snapshot, memory, thresholds, bounds, tuple(reasons))


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range a pool's target stays in: the operator's, within the group's own MinSize and MaxSize."""

    minimum: int
    maximum: int

    @staticmethod
    def of(snapshot: Snapshot, thresholds: Thresholds) -> "Bounds":
        maximum = min(snapshot.pool.maximum, thresholds.max_capacity)
        return Bounds(min(maximum, max(snapshot.pool.minimum, thresholds.min_capacity)), maximum)


def _scale_in(
    snapshot: Snapshot, memory: Memory, thresholds: Thresholds, bounds: Bounds, reasons: tuple[Reason, ...]
) -> Decision:
    gone = scale_in.emptied(snapshot, memory.draining)
    chosen = scale_in.chosen(snapshot, memory.draining, memory.low_since, thresholds, bounds.minimum)
    target = scale_in.target_without(snapshot, gone.instance_ids, bounds.minimum)
    draining = {**memory.draining, **{i.arn: i.instance_id for i in chosen.instances}}
    return Decision(
        snapshot.cluster,
        target,
        reasons + gone.reasons + chosen.reasons,
        to_drain=tuple(i.arn for i in chosen.instances),
        to_terminate=gone.instance_ids,
        memory=replace(memory, draining=draining, low_since=chosen.low_since),
    )
