"""Renewal: instances that are not what their pool launches today are replaced, a share of the cluster at a time.

One round asks for replacements, waits until they are registered, and empties as many old instances. These are
terminated once they are empty, as scale-in's are, and the target is lowered by them. Until an instance of the new kind
has been well for `renew_bake_seconds`, a round is of one instance. If none registers, renewal stops.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from steady.cluster import ContainerInstance, InstanceStatus, Snapshot
from steady.pools import units_to_ask
from steady.scaling.change import Change
from steady.scaling.pool import coming_units
from steady.scaling.renewal_progress import NOT_RENEWING, RenewalProgress
from steady.scaling.renewal_reasons import RenewalBegun, RenewalEmpties, RenewalStopped, RenewalWaits
from steady.scaling.state import ScalingState
from steady.scaling.zones import ZoneUnits, in_balance
from steady.thresholds import Thresholds
from steady.windows import is_open

# The tasks of so many candidates, or of twice as many as are asked for, are read: some cannot be moved.
LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of renewal looks at.

    Attributes:
        target: what is decided on so far, in units; `maximum` is the most that it may be.
        is_calm: whether nothing else asks for capacity, or takes it away.
    """

    snapshot: Snapshot
    state: ScalingState
    thresholds: Thresholds
    target: int
    maximum: int
    is_calm: bool

    @property
    def due(self) -> list[ContainerInstance]:
        """The old instances that may be emptied: first those that can go so that the zones stay balanced."""
        snapshot = self.snapshot
        known = {i.instance_id: i for i in drifted_instances(snapshot, self.state) if i.arn not in snapshot.unread}
        going = {i.instance_id for i in snapshot.instances if i.status is InstanceStatus.DRAINING}
        balanced = list(in_balance(list(known), ZoneUnits.of(snapshot.pool, going)))
        return [known[id_] for id_ in dict.fromkeys([*balanced, *known])]

    @property
    def one(self) -> int:
        """The units of one instance, of the largest type that the pool holds."""
        pool = self.snapshot.pool
        return units_to_ask(max((pool.weight(type_) for type_ in pool.members.values()), default=1))

    @property
    def drifted(self) -> Mapping[str, int]:
        """How many instances are to be renewed, by cause."""
        return Counter(sorted(self.snapshot.pool.drifted.values()))

    def waits(self, progress: RenewalProgress, why: str) -> Change:
        return Change(reasons=(RenewalWaits(self.drifted, why),), state={"renewal": progress})


def renew(this: Round) -> Change:
    """Take the next step of renewal, if one is due."""
    progress = _updated(this)
    snapshot, thresholds = this.snapshot, this.thresholds
    if not snapshot.pool.launches or not snapshot.pool.drifted:
        # What is left of what was asked for is scale-in's.
        progress = replace(progress, asked=0)
        return Change(state={"renewal": progress}) if progress != this.state.renewal else Change()
    if progress.stopped:
        # What never came, or came to nothing, is not asked for any more.
        back = min(progress.asked, max(0, this.target - snapshot.pool.minimum))
        stopped = replace(progress, asked=0)
        return Change(units=-back, reasons=(RenewalStopped(progress.stopped),), state={"renewal": stopped})
    if not this.is_calm:
        return this.waits(progress, "capacity is changed for something else first")
    if progress.asked:
        return _empty(this, progress)
    if not is_open(thresholds.renew_window, datetime.fromtimestamp(snapshot.at, UTC)):
        return this.waits(progress, f"renew_window is {thresholds.renew_window}")
    if snapshot.pool.refreshing:
        return this.waits(progress, "the group's own instance refresh is in progress")
    return _ask(this, progress)


def drifted_instances(snapshot: Snapshot, state: ScalingState) -> list[ContainerInstance]:
    """Return the instances that renewal may empty, those without batch tasks first, then those with the fewest tasks.

    None that others deal with is among them, and none that ECS cannot empty.
    """
    if not snapshot.pool.drifted:
        return []
    busy = {*state.draining, *state.interrupted, *state.healing.emptying}
    found = [
        i
        for i in snapshot.active
        if i.instance_id in snapshot.pool.drifted
        and i.instance_id in snapshot.pool.members
        and i.instance_id not in state.doomed
        and i.arn not in busy
        and i.arn not in snapshot.pinned
        and i.drain_mark is None
    ]
    # A batch task runs to its end, and keeps its instance for as long: those go last.
    return sorted(found, key=lambda i: (i.arn in snapshot.bound_since, i.task_count, i.reserved.memory_mib, i.arn))


def instances_to_read(snapshot: Snapshot, state: ScalingState) -> list[ContainerInstance]:
    """Return the instances whose tasks renewal must know before it empties them; none if it is not about to."""
    asked = state.renewal.asked
    return drifted_instances(snapshot, state)[: max(LOOKED_AT, 2 * asked)] if asked else []


def _updated(this: Round) -> RenewalProgress:
    """Return the progress as of this look: it begins anew if the pool launches something else than before."""
    snapshot, known, now = this.snapshot, this.state.renewal, this.snapshot.at
    pool = snapshot.pool
    if not pool.launches:
        return NOT_RENEWING
    if known.launches != pool.launches:
        known = RenewalProgress(pool.launches, old=known.old)
    old = {arn: since for arn, since in known.old.items() if arn in this.state.draining}
    new = [i for i in snapshot.active if i.instance_id in pool.members and i.instance_id not in pool.drifted]
    is_well = any(i.is_well for i in new)
    well_since = (now if known.well_since is None else known.well_since) if is_well else None
    is_proven = known.is_proven or (well_since is not None and now - well_since >= this.thresholds.renew_bake_seconds)
    stopped = known.stopped
    waited_s = now - known.asked_at if known.asked else 0.0
    never_came = not is_proven and not new and not pool.trouble
    if not stopped and never_came and waited_s >= this.thresholds.boot_timeout_seconds:
        stopped = f"no instance of {pool.launches} has registered within {waited_s:.0f} s"
    return replace(known, old=old, well_since=well_since, is_proven=is_proven, stopped=stopped)


def _at_once(this: Round, progress: RenewalProgress) -> int:
    """Return how many units may be under way at the same time: one instance's until the new kind is proven."""
    share = this.target * this.thresholds.renew_budget // 100 if progress.is_proven else 0
    return max(this.one, share)


def _ask(this: Round, progress: RenewalProgress) -> Change:
    """Ask for replacements of as many old instances as may be under way at the same time."""
    snapshot = this.snapshot
    pool = snapshot.pool
    going = [i.instance_id for i in snapshot.instances if i.arn in progress.old]
    may = _at_once(this, progress) - pool.units(going)
    due = pool.units(i.instance_id for i in drifted_instances(snapshot, this.state))
    wanted = min(may, due)
    if wanted <= 0:
        why = "old instances are being emptied" if progress.old else "ECS cannot empty them, or others deal with them"
        return this.waits(progress, why)
    units = min(wanted, this.maximum - this.target)
    if units <= 0:
        return this.waits(progress, f"replacements come first, and the maximum is {this.maximum}: raise max_capacity")
    asked = replace(progress, asked=units, asked_at=snapshot.at)
    return Change(units=units, reasons=(RenewalBegun(units, this.drifted),), state={"renewal": asked})


def _empty(this: Round, progress: RenewalProgress) -> Change:
    """Empty as many old instances as were asked for in their place, once those are registered and proven."""
    snapshot, state = this.snapshot, this.state
    if coming_units(snapshot, state):
        return this.waits(progress, "their replacements are not there yet")
    if not progress.is_proven:
        since = snapshot.at if progress.well_since is None else progress.well_since
        left_s = this.thresholds.renew_bake_seconds - (snapshot.at - since)
        return this.waits(progress, f"the first new instance has to stay well for {left_s:.0f} s more")
    chosen = _first(this.due, snapshot, progress.asked)
    emptied = {i.arn: snapshot.at for i in chosen}
    going = {**progress.old, **emptied}
    if not chosen:
        return this.waits(replace(progress, asked=0), "ECS cannot empty them, or others deal with them")
    reasons = (RenewalEmpties(len(chosen), len(snapshot.pool.drifted) - len(chosen)),)
    return Change(
        to_drain=tuple(emptied),
        reasons=reasons,
        state={
            # What found no old instance that can go yet is not asked for again.
            "renewal": replace(progress, asked=max(0, progress.asked - math.ceil(_units(chosen, snapshot))), old=going),
            "draining": {**state.draining, **{i.arn: i.instance_id for i in chosen}},
        },
    )


def _first(instances: Sequence[ContainerInstance], snapshot: Snapshot, units: int) -> list[ContainerInstance]:
    """Return the first of `instances`: as many as `units` are in all, or the first one alone if it counts more."""
    chosen: list[ContainerInstance] = []
    for one in instances:
        if chosen and _units([*chosen, one], snapshot) > units:
            break
        chosen.append(one)
    return chosen


def _units(instances: Sequence[ContainerInstance], snapshot: Snapshot) -> float:
    return sum(snapshot.pool.weight(snapshot.pool.members[i.instance_id]) for i in instances)
