"""What one round of renewal looks at, and which instances it may empty."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from steady.cluster import ContainerInstance, InstanceStatus, Snapshot
from steady.pools import Pool
from steady.scaling.change import Change
from steady.scaling.pool import Bounds, coming_units, staying_units
from steady.scaling.renewal_progress import RenewalProgress
from steady.scaling.renewal_reasons import RenewalWaits
from steady.scaling.state import ScalingState
from steady.scaling.zones import ZoneUnits, in_balance
from steady.thresholds import Thresholds

# The tasks of so many candidates, or of twice as many as are asked for, are read: some cannot be moved.
LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of renewal looks at.

    Attributes:
        target: what is decided on so far, in units; it stays within `bounds`.
        is_wanted: whether tasks wait for capacity.
        is_calm: whether neither these nor anything else changes the capacity.
        taken_back: the ARNs of draining instances that scale-out takes back.
        terminated: the ids of the instances that are empty and go now.
    """

    snapshot: Snapshot
    state: ScalingState
    thresholds: Thresholds
    target: int
    bounds: Bounds
    is_wanted: bool
    is_calm: bool
    taken_back: frozenset[str] = frozenset()
    terminated: frozenset[str] = frozenset()

    @property
    def drifted(self) -> Mapping[str, int]:
        """How many instances are to be renewed, by cause."""
        return Counter(sorted(self.snapshot.pool.drifted.values()))

    def ready(self, progress: RenewalProgress) -> int:
        """Return how many of the units that were asked for have registered; none while the pool is being changed.

        Its target may be that of before then: what was asked for a moment ago is not seen to be coming.
        """
        if self.snapshot.pool.is_changing:
            return 0
        staying = staying_units(self.snapshot, self.state) - self.snapshot.pool.units(self.terminated)
        return progress.asked - max(0, self.target - staying)

    def ended(self, old: Collection[str]) -> list[ContainerInstance]:
        """Return those of the instances with the ARNs `old` that the decision terminates."""
        return [i for i in self.snapshot.instances if i.arn in old and i.instance_id in self.terminated]

    def units(self, instances: Sequence[ContainerInstance]) -> float:
        """Return what `instances` count."""
        pool = self.snapshot.pool
        return sum(pool.weight(pool.members[i.instance_id]) for i in instances)

    def choose(self, instances: Sequence[ContainerInstance], units: int) -> list[ContainerInstance]:
        """Choose, of those of `instances` whose tasks are known, as many as count no more than `units` in all.

        First those that can go so that the zones stay balanced.
        """
        snapshot = self.snapshot
        known = {i.instance_id: i for i in instances if i.arn in snapshot.tasks_of and i.arn not in snapshot.unread}
        going = {i.instance_id for i in snapshot.instances if i.status is InstanceStatus.DRAINING}
        balanced = list(in_balance(list(known), ZoneUnits.of(snapshot.pool, going)))
        chosen: list[ContainerInstance] = []
        for id_ in dict.fromkeys([*balanced, *known]):
            if self.units([*chosen, known[id_]]) <= units:
                chosen.append(known[id_])
        return chosen

    def waits(self, progress: RenewalProgress, why: str) -> Change:
        return Change(reasons=(RenewalWaits(self.drifted, why),), state={"renewal": progress})


def drifted_instances(snapshot: Snapshot, state: ScalingState) -> list[ContainerInstance]:
    """Return the instances that renewal may empty, those without batch tasks first, then those with the fewest tasks.

    None that others deal with is among them, and none that ECS cannot empty.
    """
    return [i for i in _movable(snapshot, state) if i.instance_id in snapshot.pool.drifted]


def to_go_first(snapshot: Snapshot, state: ScalingState) -> frozenset[str]:
    """Return the ids of those that go first if some may go: the old instances, or the new ones if these are no good."""
    pool = snapshot.pool
    return (
        pool.current if state.renewal.stopped and state.renewal.launches == pool.launches else frozenset(pool.drifted)
    )


def returnable_instances(snapshot: Snapshot, state: ScalingState) -> list[ContainerInstance]:
    """Return the instances of which some may go where more were asked for than are needed, in the order to go."""
    return sorted(_movable(snapshot, state), key=lambda i: i.instance_id not in snapshot.to_go_first)


def instances_to_read(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> list[ContainerInstance]:
    """Return the instances whose tasks renewal must know before it empties them; none if it is not about to."""
    progress = state.renewal
    ready = progress.asked - coming_units(snapshot, state)
    if ready <= 0:
        return []
    if not is_under_way(snapshot, progress):
        due = returnable_instances(snapshot, state)
    elif is_proven(progress, snapshot.at, thresholds):
        due = drifted_instances(snapshot, state)
    else:
        return []
    return due[: max(LOOKED_AT, 2 * ready)]


def is_proven(progress: RenewalProgress, now: float, thresholds: Thresholds) -> bool:
    """Return whether a new instance has been registered and well for `renew_bake_seconds`."""
    since = progress.well_since
    return progress.is_proven or (since is not None and now - since >= thresholds.renew_bake_seconds)


def has_surplus(snapshot: Snapshot, state: ScalingState) -> bool:
    """Return whether there is more than is needed until renewal has emptied old instances: scale-in has none of it."""
    return bool(state.renewal.asked) and not snapshot.pool.drift_unread


def is_under_way(snapshot: Snapshot, progress: RenewalProgress) -> bool:
    """Return whether what was asked for is still to take the place of instances that are out of date."""
    pool = snapshot.pool
    return bool(pool.drifted) and not progress.stopped and progress.asked_for == pool.launches


def baking_instance(snapshot: Snapshot, state: ScalingState) -> ContainerInstance | None:
    """Return the instance that shows whether what the pool launches today is any good; None once that is known.

    It may have come before renewal has asked for any, in the place of one that was interrupted.
    """
    progress, pool = state.renewal, snapshot.pool
    if not pool.drifted or (progress.launches == pool.launches and (progress.is_proven or progress.stopped)):
        return None
    new = [i for i in snapshot.active if i.instance_id in pool.members and i.instance_id in pool.current]
    return min(new, key=lambda i: i.arn, default=None)


def with_target(progress: RenewalProgress, target: int, pool: Pool) -> RenewalProgress:
    """Return `progress` with the target that was decided on.

    While nothing can be read of what is out of date, scale-in may take what was asked for: that is to be seen. While a
    fleet is modifying, it may show the target of before, and takes no other one.
    """
    if not progress.asked:
        return replace(progress, target=0)
    return progress if pool.drift_unread or (pool.is_changing and progress.target) else replace(progress, target=target)


def _movable(snapshot: Snapshot, state: ScalingState) -> list[ContainerInstance]:
    busy = {*state.draining, *state.interrupted, *state.healing.emptying}
    found = [
        i
        for i in snapshot.active
        if i.instance_id in snapshot.pool.members
        and i.instance_id not in state.doomed
        and i.arn not in busy
        and i.arn not in snapshot.pinned
        and i.drain_mark is None
    ]
    # A batch task runs to its end, and keeps its instance for as long: those go last.
    return sorted(found, key=lambda i: (i.arn in snapshot.bound_since, i.task_count, i.reserved.memory_mib, i.arn))
