"""Decide about a cluster, pool by pool, from what is observed; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from steady.aws.api_budget.budget import Budget
from steady.aws.runtime import Runtime
from steady.aws.scaling.canary import with_canary
from steady.aws.scaling.observation import affordable, observe, with_tasks, with_waiting_runs
from steady.aws.scaling.prices import with_spot_prices
from steady.cluster import ContainerInstance, Service, Snapshot
from steady.metrics import MetricName
from steady.scaling.beside import dearest_first
from steady.scaling.decision import Decision, decide, grow_only, instances_to_read
from steady.scaling.delivery import asked, give_back
from steady.scaling.division import Part, divide
from steady.scaling.reasons import ReservationLow, ScaleInShed
from steady.scaling.renewal_round import to_go_first
from steady.scaling.spare_places import learn_places
from steady.scaling.state import ScalingState, update_state
from steady.settings import ClusterSettings
from steady.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class PoolDecision:
    """A decision about one pool, with the snapshot, the state and the thresholds that it was made from.

    `name` is the pool's name within its cluster; "" for the cluster's only pool.
    """

    name: str
    snapshot: Snapshot
    state: ScalingState
    thresholds: Thresholds
    decision: Decision

    @property
    def acts(self) -> bool:
        """Whether the decision needs a call that changes something."""
        return self.decision.acts_on(self.snapshot)


class Evaluation(NamedTuple):
    """The decisions about a cluster, the snapshot of the whole, and the state that it had before them."""

    snapshot: Snapshot
    state: ScalingState
    parts: tuple[PoolDecision, ...]


def evaluate_dry(
    runtime: Runtime,
    cluster: ClusterSettings,
    state: ScalingState,
    budget: Budget | None = None,
    observed: Snapshot | None = None,
) -> Evaluation:
    """Observe `cluster` and decide about each of its pools; nothing is written.

    Args:
        budget: what the suite may call of ECS; None: no limit.
        observed: what was seen of the cluster a moment ago; None: it is looked at.

    Raises:
        NoSuchPool: if the cluster has no pool that is there.
        OverBudget: if the suite's share of the ECS API is used up.
    """
    whole = observed or observe(runtime, cluster, state.drift_since, budget, state.placement_failed_at)
    whole = with_waiting_runs(runtime, whole, state)
    state = with_spot_prices(runtime, whole, state, cluster.thresholds)
    state = learn_places(whole, state, cluster.thresholds) if whole.pools else state
    parts = [_up_to_date(runtime, part) for part in divide(whole, state, cluster)]
    parts = list(dearest_first(parts)) if whole.pools else parts
    due = {part.settings.name: instances_to_read(part.snapshot, part.state, part.thresholds) for part in parts}
    every = [instance for of_pool in due.values() for instance in of_pool]
    read = affordable(every, budget)
    if every:
        unread = frozenset(i.arn for i in every[len(read) :])
        whole = with_tasks(runtime, replace(whole, unread=unread), read)
        parts = [replace(part, snapshot=_with_tasks_of(part.snapshot, whole)) for part in parts]
    if len(read) < len(every):
        runtime.telemetry.count(MetricName.CALLS_SHED, cluster=cluster.name)
    decided: tuple[PoolDecision, ...] = ()
    for part in parts:
        may_move = any(_empties(one) for one in decided)
        decided = (
            *decided,
            _decided(
                part, due[part.settings.name], read, grow=cluster.grow_only, holds=may_move, several=bool(whole.pools)
            ),
        )
    # A cluster's only pool has the whole state for its own.
    return Evaluation(whole, state if decided[0].name else decided[0].state, decided)


def _up_to_date(runtime: Runtime, part: Part) -> Part:
    """Return `part` with its state brought up to what is seen, and with what renewal must know of its pool."""
    state = update_state(part.snapshot, part.state, part.thresholds)
    snapshot = replace(part.snapshot, to_go_first=to_go_first(part.snapshot, state))
    return replace(part, state=state, snapshot=with_canary(runtime, snapshot, state))


def _empties(one: PoolDecision) -> bool:
    """Whether scale-in empties instances of the pool now: their tasks may go to cheaper pools."""
    return any(isinstance(reason, ReservationLow) for reason in one.decision.reasons)


def _decided(
    part: Part,
    due: Sequence[ContainerInstance],
    read: Sequence[ContainerInstance],
    *,
    grow: bool,
    holds: bool,
    several: bool,
) -> PoolDecision:
    """Decide about a pool.

    Args:
        grow: whether scale-in is suspended.
        holds: whether the pool may get tasks of a dearer pool that shrinks: it does not shrink at the same time.
        several: whether the cluster has other pools, which may be asked in its place.
    """
    state = replace(part.state, low_since=None) if holds else part.state
    decision = decide(part.snapshot, state, part.thresholds)
    if part.gives_back:
        decision = give_back(decision, part.snapshot, part.thresholds)
    elif several:
        decision = asked(decision, part.snapshot)
    known = sum(instance in read for instance in due)
    if known < len(due):
        decision = replace(decision, reasons=(*decision.reasons, ScaleInShed(known, len(due))))
    if grow:
        decision = grow_only(decision, part.snapshot)
    return PoolDecision(part.settings.name, part.snapshot, part.state, part.thresholds, decision)


def _with_tasks_of(snapshot: Snapshot, whole: Snapshot) -> Snapshot:
    """Return the snapshot of a pool with what `whole` says of the tasks on instances, and of their constraints."""
    if not whole.pools:
        return replace(
            whole,
            started=snapshot.started,
            to_go_first=snapshot.to_go_first,
            canary_failure=snapshot.canary_failure,
            canary_waits=snapshot.canary_waits,
        )
    known: Mapping[str, Service] = {s.name: s for s in whole.services}
    return replace(
        snapshot,
        services=tuple(_with_places_of(s, known[s.name]) for s in snapshot.services),
        tasks_of=whole.tasks_of,
        bound_since=whole.bound_since,
        unread=whole.unread,
        pinned=whole.pinned,
        matching=whole.matching,
        unmet=whole.unmet,
    )


def _with_places_of(service: Service, of_whole: Service) -> Service:
    """Return `service`, with its part of what lacks, with what `of_whole` says of where its tasks are and may be."""
    shape = service.shape if of_whole.shape is not None else None
    return replace(service, shape=shape, on=of_whole.on)
