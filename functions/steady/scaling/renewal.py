"""Renewal: instances that are not what their pool launches today are replaced, a share of the cluster at a time.

One round asks for replacements, and empties old instances as these register. The old ones are terminated once they are
empty, as scale-in's are, and the target is lowered by them. Until an instance of the new kind has been well for
`renew_bake_seconds`, a round is of one instance. If none registers, or tasks fail on it that run elsewhere, renewal
stops. What was asked for and is not needed any more is given back.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from steady.cluster import ContainerInstance, InstanceStatus
from steady.pools import units_to_ask
from steady.scaling import renewal_round
from steady.scaling.change import Change
from steady.scaling.reasons import Reason
from steady.scaling.renewal_progress import NOT_RENEWING, RenewalProgress
from steady.scaling.renewal_reasons import RenewalBegun, RenewalEmpties, RenewalReturns, RenewalStopped, RenewalUnread
from steady.scaling.renewal_round import Round, drifted_instances, is_under_way, returnable_instances
from steady.scaling.state import ScalingState
from steady.scaling.surge import emptied_units, units_at_once
from steady.windows import is_open

CHANGES_ELSE = "capacity is changed for something else first"


def renew(this: Round) -> Change:
    """Take the next step of renewal, if one is due."""
    progress = _updated(this)
    snapshot = this.snapshot
    if snapshot.pool.drift_unread:
        # What is under way waits until it can be read again.
        return Change(reasons=(RenewalUnread(snapshot.pool.drift_unread),), state={"renewal": progress})
    if progress.asked and not is_under_way(snapshot, progress):
        return _give_back(this, progress)
    if not snapshot.pool.drifted or progress.stopped:
        return Change(reasons=_stopped(progress), state={"renewal": progress})
    if not this.is_calm:
        return this.waits(progress, CHANGES_ELSE)
    if snapshot.pool.refreshing:
        return this.waits(progress, "the group's own instance refresh is in progress")
    return _empty(this, progress) if progress.asked else _ask(this, progress)


def _stopped(progress: RenewalProgress) -> tuple[Reason, ...]:
    return (RenewalStopped(progress.stopped),) if progress.stopped else ()


def _updated(this: Round) -> RenewalProgress:
    """Return the progress as of this look: it begins anew if the pool launches something else than before."""
    pool, known = this.snapshot.pool, _with_what_is_left(this, this.state.renewal)
    if pool.drift_unread:
        return known
    if known.launches != pool.launches:
        known = known.begin_anew(pool.launches)
    if not pool.launches:
        # Renewal is off.
        return known if known.asked or known.old else NOT_RENEWING
    return _with_proof(this, known)


def _with_what_is_left(this: Round, known: RenewalProgress) -> RenewalProgress:
    """Return `known` with the units that are still there of those that were asked for.

    A target that somebody has lowered since, or that was not set at all (a crash, a refusal), has fewer of them.
    """
    snapshot, state = this.snapshot, this.state
    # While a fleet is modifying, its target may be that of before.
    lost = 0 if snapshot.pool.is_changing else max(0, known.target - snapshot.pool.target)
    old = {arn: since for arn, since in known.old.items() if arn in state.draining and arn not in this.taken_back}
    ended = [] if snapshot.pool.is_changing else this.ended(old)
    asked = max(0, known.asked - lost) + _too_many(this, known, ended)
    asked_for = known.asked_for if known.asked else known.launches
    old = {arn: since for arn, since in old.items() if arn not in {i.arn for i in ended}}
    return replace(known, asked=asked, asked_for=asked_for if asked else "", old=old)


def _too_many(this: Round, known: RenewalProgress, ended: Sequence[ContainerInstance]) -> int:
    """Return the units of the replacements whose old instances need none after all.

    The drain of such an instance did not end, or was never begun: it stays. Or an interruption has taken it, and the
    pool launches another one. Or the target does not fall by it once it is terminated, because the pool held more than
    that. One that scale-out has taken back is needed.

    Args:
        ended: the old instances that this decision terminates.
    """
    snapshot, state = this.snapshot, this.state
    rest = [i for i in snapshot.instances if i.arn in known.old and i.arn not in state.draining]
    rest = [i for i in rest if i.arn not in this.taken_back]
    active = {i.arn for i in snapshot.active if i.instance_id in snapshot.pool.members}
    stay = [i for i in rest if i.arn in active and i.instance_id not in state.doomed]
    taken = [i for i in rest if i.status is InstanceStatus.DRAINING]
    units = sum(snapshot.pool.weight(i.instance_type) for i in (*stay, *taken))
    kept = snapshot.pool.units(this.terminated) - (snapshot.pool.target - this.target)
    return math.floor(units) + max(0, min(kept, math.floor(this.units(ended))))


def _with_proof(this: Round, known: RenewalProgress) -> RenewalProgress:
    """Return `known` with what the instances of the new kind show: whether they register, and are well.

    No time is counted while the pool launches none, for want of capacity or for another trouble of its own.
    """
    snapshot, state, thresholds = this.snapshot, this.state, this.thresholds
    pool, now = snapshot.pool, snapshot.at
    new = [i for i in snapshot.active if i.instance_id in pool.members and i.instance_id in pool.current]
    is_well = any(i.is_well for i in new)
    well_since = (now if known.well_since is None else known.well_since) if is_well else None
    is_baked = renewal_round.is_proven(replace(known, well_since=well_since), now, thresholds)
    is_proven = known.is_proven or (is_baked and not snapshot.canary_waits and not snapshot.canary_failure)
    boot = any(id_ not in pool.drifted for id_ in state.booting_since)
    is_waiting = not new and not is_proven and not pool.trouble and (boot or (known.asked and this.ready(known) > 0))
    waiting_since = (now if known.waiting_since is None else known.waiting_since) if is_waiting else None
    stopped = known.stopped
    if not stopped and not is_proven and snapshot.canary_failure:
        stopped = snapshot.canary_failure
    if not stopped and waiting_since is not None and now - waiting_since >= thresholds.boot_timeout_seconds:
        stopped = f"no instance of {pool.launches} has registered within {now - waiting_since:.0f} s"
        if not boot:
            stopped += ": what came was out of date itself, as an instance from a warm pool may be"
    if stopped:
        is_proven = False
    return replace(known, well_since=well_since, waiting_since=waiting_since, is_proven=is_proven, stopped=stopped)


def _ask(this: Round, progress: RenewalProgress) -> Change:
    """Ask for replacements of as many old instances as may be under way at the same time."""
    snapshot, had = this.snapshot, progress.asked
    if snapshot.pool.is_changing:
        # Its target may be that of before: what was asked for, or has gone, a moment ago would count again.
        return this.waits(progress, "the last change of the pool is not done")
    if not is_open(this.thresholds.renew_window, datetime.fromtimestamp(snapshot.at, UTC)):
        return this.waits(progress, f"renew_window is {this.thresholds.renew_window}")
    due = drifted_instances(snapshot, this.state)
    going = emptied_units(snapshot, progress, this.terminated)
    if not due:
        why = "old instances are being emptied" if going else "ECS cannot empty them, or others deal with them"
        return this.waits(progress, why)
    may = units_at_once(snapshot, progress, this.thresholds, this.target - going - had) - going
    # Less than the lightest of them brings none of them a replacement.
    least = math.ceil(min(this.units([i]) for i in due))
    wanted = min(may, units_to_ask(this.units(due)))
    if not going:
        wanted = max(wanted, least)
    if wanted < least:
        return this.waits(progress, "old instances are being emptied")
    if this.target + least - had > this.bounds.maximum:
        most = this.bounds.maximum
        return this.waits(
            progress, f"replacements come first, but the maximum is {most}: raise it (max_capacity, MaxSize)"
        )
    units = min(wanted - had, this.bounds.maximum - this.target)
    if units <= 0:
        return this.waits(progress, "old instances are being emptied")
    asked = replace(progress, asked=had + units, asked_for=snapshot.pool.launches)
    return Change(units=units, reasons=(RenewalBegun(units, this.drifted),), state={"renewal": asked})


def _empty(this: Round, progress: RenewalProgress) -> Change:
    """Empty as many old instances as replacements have registered, once the new kind is proven."""
    snapshot, ready = this.snapshot, this.ready(progress)
    if ready <= 0:
        more = _ask(this, progress) if progress.is_proven and not snapshot.pool.trouble else Change()
        trouble = f" ({snapshot.pool.trouble})" if snapshot.pool.trouble else ""
        return more if more.units else this.waits(progress, f"their replacements are not there yet{trouble}")
    if not progress.is_proven:
        since = snapshot.at if progress.well_since is None else progress.well_since
        left_s = this.thresholds.renew_bake_seconds - (snapshot.at - since)
        if left_s <= 0:
            return this.waits(progress, f"targets on the first new instance are not healthy ({snapshot.canary_waits})")
        return this.waits(progress, f"the first new instance has to stay well for {left_s:.0f} s more")
    due = drifted_instances(snapshot, this.state)
    if not due:
        # Nobody can empty those that are left: what was asked for in their place is not needed.
        return _give_back(this, progress)
    if not any(i.arn in snapshot.tasks_of for i in due):
        return this.waits(progress, "their tasks have not been read yet")
    chosen = this.choose(due, ready)
    if not chosen:
        return _ask(this, progress)
    left = len(snapshot.pool.drifted) - len(chosen)
    return _emptied(this, progress, chosen, RenewalEmpties(len(chosen), left))


def _give_back(this: Round, progress: RenewalProgress) -> Change:
    """Give back what was asked for and is not needed any more: the pool holds as much as before.

    What is not launched yet is not asked for; for what has registered, as much is emptied. A pool would choose by
    itself what to terminate if its target were lowered under what it holds.
    """
    snapshot = this.snapshot
    stopped = _stopped(progress)
    if this.is_wanted:
        # Tasks wait for capacity: it is theirs.
        return Change(reasons=stopped, state={"renewal": progress.with_asked(0)})
    unlaunched = max(0, this.target - snapshot.pool.held)
    back = max(0, min(progress.asked, unlaunched, this.target - this.bounds.minimum))
    left = progress.asked - back
    rest = progress.with_asked(left)
    if back or not left or not this.is_calm:
        reasons = (RenewalReturns(back), *stopped) if back else stopped
        return Change(units=-back, reasons=reasons, state={"renewal": rest})
    if progress.stopped != this.state.renewal.stopped:
        # Which of them go first is known at the next look.
        return Change(reasons=stopped, state={"renewal": rest})
    due = returnable_instances(snapshot, this.state)
    chosen = this.choose(due, min(this.ready(progress), this.target - this.bounds.minimum))
    if chosen:
        return _emptied(this, rest, chosen, RenewalReturns(math.ceil(this.units(chosen))), *stopped)
    if this.ready(progress) > 0 and any(i.arn in snapshot.tasks_of for i in due):
        # None of those that may go is small enough: scale-in has it.
        rest = rest.with_asked(0)
    return Change(reasons=stopped, state={"renewal": rest})


def _emptied(this: Round, progress: RenewalProgress, chosen: list[ContainerInstance], *reasons: Reason) -> Change:
    """Drain `chosen` in the place of units that were asked for."""
    state: ScalingState = this.state
    left = max(0, progress.asked - math.ceil(this.units(chosen)))
    going = {**progress.old, **{i.arn: this.snapshot.at for i in chosen}}
    return Change(
        to_drain=tuple(i.arn for i in chosen),
        reasons=reasons,
        state={
            "renewal": replace(progress.with_asked(left), old=going),
            "draining": {**state.draining, **{i.arn: i.instance_id for i in chosen}},
        },
    )
