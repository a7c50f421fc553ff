"""Pool arithmetic: what a pool's units come to, in instances that stay, leave, boot or are still to be launched."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from steady.cluster import ContainerInstance, InstanceShape, InstanceStatus, Snapshot
from steady.pools import Pool
from steady.scaling.room import shapes_of_pool
from steady.scaling.state import LEAVES_WITHIN_S, ScalingState
from steady.scaling.type_order import is_known
from steady.thresholds import Thresholds

# A pool that has launched so many instances of one type in a row launches the next one of that type, too.
ALIKE = 3


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range that a pool's target stays in, in units: the operator's, as far as the pool's own allow it.

    A group's owner may raise its minimum over the operator's maximum. AWS refuses a target under it, and a termination
    that goes under it (Auto Scaling API, SetDesiredCapacity; TerminateInstanceInAutoScalingGroup).
    """

    minimum: int
    maximum: int

    @staticmethod
    def of(snapshot: Snapshot, thresholds: Thresholds) -> "Bounds":
        return Bounds.of_pool(snapshot.pool, thresholds)

    @staticmethod
    def of_pool(pool: Pool, thresholds: Thresholds) -> "Bounds":
        """Return the range of `pool`, with the thresholds that hold for it."""
        maximum = max(pool.minimum, min(pool.maximum, thresholds.max_capacity))
        return Bounds(min(maximum, max(pool.minimum, thresholds.min_capacity)), maximum)

    def less(self, units: int) -> "Bounds":
        """Return the range for the rest of a pool of which `units` are unusable."""
        maximum = max(0, self.maximum - units)
        return Bounds(min(self.minimum, maximum), maximum)


def shapes_of(snapshot: Snapshot, state: ScalingState) -> list[InstanceShape]:
    """Return what an instance of each of the pool's types offers; the type with the least memory a unit comes first."""
    return shapes_of_pool(snapshot, state.shapes)


def next_shape(snapshot: Snapshot, state: ScalingState, shapes: Sequence[InstanceShape]) -> InstanceShape | None:
    """Return what the pool launches next, of `shapes`; None if that is not known.

    If the latest instances were all of one type, the next one is taken for the same. Else the order holds in which the
    pool launches its types. Since scaling has changed that order, the latest instance alone tells.
    """
    alike = 1 if is_known(snapshot.pool, state) else ALIKE
    latest = set(state.launched[-alike:]) if len(state.launched) >= alike else set()
    name = latest.pop() if len(latest) == 1 else snapshot.pool.first_type
    return shapes[0] if len(shapes) == 1 else next((shape for shape in shapes if shape.name == name), None)


def coming_units(snapshot: Snapshot, state: ScalingState) -> int:
    """Return the units of the target that have not registered yet: booting, or still to be launched."""
    return max(0, snapshot.pool.target - staying_units(snapshot, state))


def launched_shapes(
    snapshot: Snapshot, state: ScalingState, shapes: Sequence[InstanceShape]
) -> tuple[list[InstanceShape], float]:
    """Return the instances that are launched and will register, and the units that are still to be launched."""
    pool, units = snapshot.pool, float(coming_units(snapshot, state))
    known = {shape.name: shape for shape in shapes}
    launched = []
    registered = {i.instance_id for i in snapshot.instances}
    for id_, type_ in sorted(pool.members.items()):
        if id_ not in registered and pool.weight(type_) <= units:
            launched.append(known.get(type_, shapes[0]))
            units -= pool.weight(type_)
    return launched, units


def staying_units(snapshot: Snapshot, state: ScalingState) -> int:
    """Return the units of the registered instances that are not about to leave."""
    return snapshot.pool.units(i.instance_id for i in snapshot.instances if not is_leaving(i, snapshot.at, state))


def leaving_units(snapshot: Snapshot, state: ScalingState) -> int:
    """Return the units of the registered instances that are about to leave.

    An instance that others began to drain is about to leave, and the pool replaces it. One that has been draining for
    longer than any notice lasts was drained by hand: it stays, and nothing is launched in its place.
    """
    return snapshot.pool.units(i.instance_id for i in snapshot.instances if is_leaving(i, snapshot.at, state))


def target_after_leaving(snapshot: Snapshot, instance_ids: Iterable[str], minimum: int) -> int:
    """Return the pool's target once `instance_ids` are gone: what is kept, and what is still to be launched.

    The answer is the same before and after the target was lowered, so a repeat after a crash subtracts nothing twice.
    """
    pool = snapshot.pool
    leaving = set(instance_ids)
    if not leaving:
        return pool.target
    kept = pool.units(id_ for id_ in pool.members if id_ not in leaving)
    to_be_launched = max(0, pool.target - pool.held)
    wanted = kept + to_be_launched
    if _counted(pool) >= pool.target:
        wanted = min(wanted, _counted(pool, leaving))
    return min(pool.target, max(minimum, wanted))


def _counted(pool: Pool, leaving: Collection[str] = ()) -> int:
    """Return what the pool counts for its target once `leaving` are gone.

    A fleet counts no on-demand instance beyond its on-demand part: it launches Spot Instances until it has these, too.
    """
    kept = pool.units(id_ for id_ in pool.members if id_ not in leaving)
    if not pool.traits.has_on_demand_part or pool.traits.keeps_to_its_parts:
        return kept
    return kept - max(0, pool.units(pool.on_demand_members.difference(leaving)) - pool.on_demand)


def without_instances(snapshot: Snapshot, instance_ids: Collection[str], minimum: int) -> Snapshot:
    """Return `snapshot` as it will be once `instance_ids` have left the pool, with the target lowered by their units.

    Units that the pool holds beyond its target were launched ahead, in their place: the target is not lowered by these.
    It is not lowered under `minimum` either.
    """
    if not instance_ids:
        return snapshot
    pool = snapshot.pool
    members = {id_: type_ for id_, type_ in pool.members.items() if id_ not in instance_ids}
    ahead = max(0, pool.held - pool.target)
    lowered = pool.target - max(0, pool.units(instance_ids) - ahead)
    target = min(pool.target, max(minimum, lowered))
    return replace(snapshot, pool=replace(pool, members=members, target=target))


def without_temporary_target(snapshot: Snapshot, state: ScalingState) -> Snapshot:
    """Return `snapshot` with the lasting target: less what was added ahead of replacements.

    A target that somebody has changed since is left as it is.
    """
    pool = snapshot.pool
    if pool.target != state.raised_to:
        return snapshot
    return replace(snapshot, pool=replace(pool, target=pool.target - state.raised_by))


def is_leaving(instance: ContainerInstance, now: float, state: ScalingState) -> bool:
    """Return whether `instance` is about to leave, and not by what scaling or healing has chosen."""
    return _is_drained_by_others(instance, state) and _drained_s(instance, now, state) <= LEAVES_WITHIN_S


def is_drained_by_hand(instance: ContainerInstance, now: float, state: ScalingState) -> bool:
    """Return whether a person has drained `instance`: neither scaling nor healing has, and any notice would be over."""
    is_unmarked = instance.drain_mark is None and instance.instance_id not in state.doomed
    is_theirs = is_unmarked and _is_drained_by_others(instance, state)
    return is_theirs and _drained_s(instance, now, state) > LEAVES_WITHIN_S


def _is_drained_by_others(instance: ContainerInstance, state: ScalingState) -> bool:
    # An instance that scaling or healing drains stays until scaling itself terminates it.
    ours = instance.arn in state.draining or instance.arn in state.healing.emptying
    return instance.status is InstanceStatus.DRAINING and not ours


def _drained_s(instance: ContainerInstance, now: float, state: ScalingState) -> float:
    return now - state.leaving_since.get(instance.arn, now)
