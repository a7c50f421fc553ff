"""The state that a cluster's decisions remember between invocations, and how a look at the cluster updates it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from steady.cluster import NOTHING, InstanceShape, InstanceStatus, Size, Snapshot, TaskShape
from steady.scaling.demand import Demand, RunShape, still_repeated, task_of, waiting
from steady.scaling.late_kinds import LateKind
from steady.scaling.learning import Learned, Waiting, learn
from steady.scaling.placement import place
from steady.scaling.pool_state import Healing, PoolState
from steady.scaling.recurrence import History
from steady.scaling.reservation import reserved_on
from steady.scaling.room import room_on
from steady.scaling.servable import Servable
from steady.scaling.terminations import still_here, with_refused
from steady.thresholds import Thresholds
from steady.trunks import trunk_tasks

# ECS repeats a placement failure only now and then: one stands for this long while its service still lacks tasks.
PLACEMENT_FAILURE_STANDS_S = 300
# A Spot notice lasts 120 s; an Auto Scaling group does not count an instance that waits under a hook.
LEAVES_WITHIN_S = 180
# How many of the latest boots say how long a boot takes.
BOOTS_KEPT = 5
# The fields of the state that say what a decision does.
CHOSEN = ("draining", "spared_until", "healing", "tries", "order_before", "order_set", "launched", "renewal")


@dataclass(frozen=True)
class ScalingState(PoolState):
    """The state that a cluster's decisions remember between invocations. Times are in seconds since the epoch.

    Of a cluster with one pool, the fields of `PoolState` are that pool's.

    Attributes:
        demands: the tasks that a batch launcher could not place, by the launcher's key.
        run_shapes: what is known of the tasks of `demands` besides CPU and memory, by the same keys.
        drift_since: since when each service has lacked tasks, by its name.
        placement_failed_at: when ECS said that it could not place a service's task, by the service's name.
        doomed: when a notice named each instance, by instance id.
        reported_problems: the problems of the parameters that people have been told of.
        pools: the state of each pool of a cluster with several, by the pool's name.
        late_kinds: the kinds of tasks of launchers that have had to wait; only where the cluster has several pools.
        spot_prices: what an hour of each type costs on Spot, in USD, as EC2 said at `spot_prices_at`.
    """

    demands: Mapping[str, Demand] = field(default_factory=dict)
    drift_since: Mapping[str, float] = field(default_factory=dict)
    placement_failed_at: Mapping[str, float] = field(default_factory=dict)
    doomed: Mapping[str, float] = field(default_factory=dict)
    run_shapes: Mapping[str, RunShape] = field(default_factory=dict)
    reported_problems: tuple[str, ...] = ()
    pools: Mapping[str, PoolState] = field(default_factory=dict)
    late_kinds: Mapping[str, LateKind] = field(default_factory=dict)
    spot_prices: Mapping[str, float] = field(default_factory=dict)
    spot_prices_at: float = 0.0

    def history(self, thresholds: Thresholds) -> History:
        """Return what the demand until the last look leads to expect."""
        return History(self.recent, self.days, thresholds.learning_confidence)


def update_state(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> ScalingState:
    """Return `state` brought up to what `snapshot` shows.

    Silent demands, drifts that have ended and instances that are gone leave it; what is new is added and learned.
    """
    now = snapshot.at
    drifting = {s.name for s in snapshot.services if s.missing}
    draining_now = {i.arn: i.instance_id for i in snapshot.instances if i.status is InstanceStatus.DRAINING}
    here = {i.instance_id for i in snapshot.instances} | set(snapshot.pool.members)
    ended_at = {i.instance_id: i.drain_mark.until for i in snapshot.instances if i.drain_mark and i.drain_mark.is_over}
    doomed = {
        id_: at
        for id_, at in state.doomed.items()
        # The reason of a notice may have passed since: then the instance stays after all.
        if now - at <= LEAVES_WITHIN_S and id_ in here and at >= ended_at.get(id_, 0)
    }
    # One that carries a drain mark is service-out's: its group has taken it, and may give it back.
    marked = {i.arn for i in snapshot.instances if i.drain_mark}
    chosen = {**state.interrupted, **state.draining}
    chosen = {arn: id_ for arn, id_ in chosen.items() if arn in draining_now and arn not in marked}
    # An instance that a notice names goes, even if scale-in has chosen it: it must not be taken back.
    draining = {arn: id_ for arn, id_ in chosen.items() if arn not in state.interrupted and id_ not in doomed}
    demands = still_repeated(state.demands, now, thresholds.demand_silent_after_seconds)
    # What no instance of the pool can serve teaches nothing.
    servable = Servable(snapshot, state.shapes, state.tries)
    waits = servable.of(task_of(d, state.run_shapes) for d in waiting(demands, now))
    # A waiting task that would fit now is about to be placed.
    rooms = room_on(snapshot.active, snapshot)
    missing = (s.shape for s in snapshot.services for _ in range(s.missing) if s.shape)
    lacking = place(servable.of(missing), rooms).left_over
    unplaced = place(waits, rooms).left_over
    demand = _running(snapshot, draining) + _total(lacking) + _total(unplaced)
    new_demands = len(servable.of(task_of(d, state.run_shapes) for d in demands.values() if not d.seen))
    before = Learned(state.staffing, state.waited_at, state.cover, state.started, state.lately)
    waiting_now = Waiting(len(lacking), len(waits), new_demands, displaced=bool(state.doomed))
    learned = learn(snapshot, before, state.history(thresholds), waiting_now, thresholds)
    boots = _boots(snapshot, state, thresholds.boot_timeout_seconds)
    return replace(
        state,
        demands={key: replace(d, seen=True) for key, d in demands.items()},
        run_shapes={key: one for key, one in state.run_shapes.items() if key in demands},
        drift_since={name: state.drift_since.get(name, now) for name in sorted(drifting)},
        placement_failed_at={
            name: at
            for name, at in state.placement_failed_at.items()
            if name in drifting and now - at <= PLACEMENT_FAILURE_STANDS_S
        },
        doomed=doomed,
        draining=draining,
        chosen_at={arn: state.chosen_at.get(arn, now) for arn in draining},
        spared_until={
            i.arn: state.spared_until[i.arn] for i in snapshot.instances if now < state.spared_until.get(i.arn, now)
        },
        interrupted={arn: id_ for arn, id_ in chosen.items() if arn not in draining},
        leaving_since={arn: state.leaving_since.get(arn, now) for arn in draining_now if arn not in draining},
        booting_since=boots.booting_since,
        boots_s=boots.boots_s,
        launched=boots.launched,
        shapes={**state.shapes, **_shapes_seen(snapshot)},
        recent=state.recent.record(now, demand),
        days=state.days.record(now, demand),
        **learned._asdict(),
        healing=_healing(snapshot, state, has_booted=boots.has_ended),
        refusals=still_here(state.refusals, snapshot.pool.members),
        usage=state.usage.record(snapshot),
    )


def with_refused_terminations(state: ScalingState, refused: Mapping[str, str], now: float) -> ScalingState:
    """Return `state` with the instances that AWS refused to terminate `now`, from id to AWS's words."""
    return replace(state, refusals=with_refused(state.refusals, refused, now))


def without_choices(decided: ScalingState, seen: ScalingState) -> ScalingState:
    """Return what to remember of a decision that is not carried out: what it has `decided` to do is as in `seen`."""
    return replace(decided, **{name: getattr(seen, name) for name in CHOSEN}, raised_by=0, raised_to=0)


def with_target_not_set(state: ScalingState, decided: ScalingState, seen: ScalingState) -> ScalingState:
    """Return `state` without the temporary target of `decided`, which the pool did not take: that of `seen` stands."""
    if (state.raised_by, state.raised_to) != (decided.raised_by, decided.raised_to):
        return state
    return replace(state, raised_by=seen.raised_by, raised_to=seen.raised_to)


def _running(snapshot: Snapshot, draining: Collection[str]) -> Size:
    """Sum what runs. The tasks of an instance that is about to leave are being replaced: they would count twice."""
    status = InstanceStatus.ACTIVE
    return reserved_on(i for i in snapshot.instances if i.status is status or i.arn in draining)


def _total(tasks: Iterable[TaskShape]) -> Size:
    return sum((task.size for task in tasks), NOTHING)


def _shapes_seen(snapshot: Snapshot) -> dict[str, InstanceShape]:
    """Return the smallest size that an instance of each of the pool's types has registered with."""
    seen: dict[str, InstanceShape] = {}
    for i in sorted(snapshot.active, key=lambda i: (i.registered.memory_mib, i.registered.cpu_units), reverse=True):
        if i.instance_id in snapshot.pool.members:
            known = snapshot.shapes.get(i.instance_type)
            enis = known.enis if known else None
            if not i.enis_limited:
                enis = trunk_tasks(i.instance_type, i.registered.cpu_units)
            seen[i.instance_type] = InstanceShape(i.instance_type, i.registered, i.registered_gpus, enis)
    return seen


class _Boots(NamedTuple):
    booting_since: Mapping[str, float]
    boots_s: tuple[float, ...]
    has_ended: bool
    launched: tuple[str, ...]


def _boots(snapshot: Snapshot, state: ScalingState, timeout_s: float) -> _Boots:
    """Return which instances boot, how long the latest boots took, and whether one has ended since the last look."""
    registered = {i.instance_id for i in snapshot.instances}
    booting = {id_: state.booting_since.get(id_, snapshot.at) for id_ in snapshot.pool.members if id_ not in registered}
    ended = [snapshot.at - since for id_, since in state.booting_since.items() if id_ in registered]
    members = snapshot.pool.members
    new = [members[id_] for id_ in sorted(booting) if id_ not in state.booting_since and members[id_]]
    # An instance that registers later than any boot may was stopped and started, or its agent was.
    usual = [took_s for took_s in ended if took_s <= timeout_s]
    return _Boots(booting, (*state.boots_s, *usual)[-BOOTS_KEPT:], bool(ended), (*state.launched, *new)[-BOOTS_KEPT:])


def _healing(snapshot: Snapshot, state: ScalingState, *, has_booted: bool) -> Healing:
    now, known = snapshot.at, state.healing
    here = {i.arn: i for i in snapshot.instances if i.instance_id in snapshot.pool.members}
    lost = [arn for arn, i in here.items() if not i.is_well]
    # An instance that came back is kept until it is ACTIVE again: after a crash before that, the next look takes it up.
    ended = {arn for arn, i in here.items() if i.is_well and i.status is InstanceStatus.ACTIVE}
    emptying = {arn: since for arn, since in known.emptying.items() if arn in here and arn not in ended}
    # If everything that is asked for is there and well, what was terminated needs no further proof.
    pool = snapshot.pool
    well = len(here) == len(pool.members) and pool.held >= pool.target and not lost and not emptying
    return Healing(
        lost_since={arn: known.lost_since.get(arn, now) for arn in lost},
        emptying=emptying,
        registered_at=now if has_booted else known.registered_at,
        unanswered=() if has_booted or well else known.unanswered,
    )
