"""Evaluate one cluster: load its state, observe, decide, hold the cluster, act. The only writer of capacity."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from steady.api_budget.limits import BUCKET_OF
from steady.aws.api_budget.budget import Budget, OverBudget, budget_of
from steady.aws.ecs.container_instances import INSTANCES_A_STATE_UPDATE
from steady.aws.ecs.drain_marks import ATTRIBUTES_A_CALL
from steady.aws.runtime import Runtime
from steady.aws.scaling import last_known, ledger
from steady.aws.scaling.acting import Outcome, carry_out
from steady.aws.scaling.changing_pool import ASK_AGAIN_S, put_off, with_refusal, without_target
from steady.aws.scaling.deciding import PoolDecision, evaluate_dry
from steady.aws.scaling.late_batch import report_late
from steady.aws.scaling.looks import book_look
from steady.aws.scaling.observation import observe
from steady.aws.scaling.reporting import log_decision, put_metrics, report_problems
from steady.aws.scaling.started import keep_started
from steady.aws.scaling.unserved import report_unserved
from steady.cluster import Snapshot
from steady.metrics import MetricName
from steady.scaling.decision import Decision
from steady.scaling.late_batch import late_batch_tasks
from steady.scaling.parts import joined, with_refusals
from steady.scaling.state import ScalingState, without_choices
from steady.settings import ClusterSettings
from steady.thresholds import Thresholds

# A lost race is decided again at once; a cluster that is held is tried again a moment later.
TRIES = 8
HELD_WAIT_S = 1.5
# The bucket of the calls that drain instances, take them back, and delete their drain marks.
INSTANCE_STATES = BUCKET_OF["UpdateContainerInstancesState"].name

# How an event changes what is remembered of a cluster.
StateUpdate = Callable[[ScalingState], ScalingState]


@dataclass(frozen=True, slots=True)
class Environment:
    """Where evaluations write: the ledger, the queue of later looks, and the topic that people are told by.

    `unserved_queue_url` is the queue of instances that nobody empties; "": this function does not tell of them.
    `invocation` is Lambda's id of the invocation that evaluates.
    """

    ledger_table: str
    autoscaler_queue_url: str
    people_topic_arn: str
    unserved_queue_url: str = ""
    invocation: str = ""

    @staticmethod
    def read() -> Environment:
        names = ("LEDGER_TABLE", "AUTOSCALER_QUEUE_URL", "PEOPLE_TOPIC_ARN")
        table, queue, topic = (os.environ[name] for name in names)
        return Environment(table, queue, topic, os.environ.get("UNSERVED_QUEUE_URL", ""))


class Contended(Exception):
    """The cluster was held, or written by others, at every try; the message comes again, or the next tick does."""


class LedgerUnavailable(Exception):
    """The ledger does not answer, or refuses; the text says why."""


@contextmanager
def _ledger_errors() -> Iterator[None]:
    """Turn the failures of the ledger's calls into `LedgerUnavailable`, apart from those of all other calls."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise LedgerUnavailable(str(error)) from error


# Why an evaluation was postponed. Nothing was changed then.
POSTPONED = (Contended, OverBudget)


def remember(runtime: Runtime, table: str, cluster: str, update: StateUpdate) -> None:
    """Write `update` of the cluster's state into the ledger, without a decision.

    Raises:
        Contended: if others wrote first at every try.
    """
    for _ in range(TRIES):
        entry = ledger.load(runtime, table, cluster)
        try:
            ledger.save(runtime, table, entry, update(entry.state), entry.held_until)
        except ledger.LostRace:
            continue
        return
    raise Contended(f"cluster {cluster}: its ledger entry was written by others at each of {TRIES} tries")


def evaluate(
    runtime: Runtime, environment: Environment, cluster: ClusterSettings, update: StateUpdate = lambda state: state
) -> None:
    """Decide about `cluster` and carry out the decisions; what `update` adds to the state is remembered with them.

    While the ledger does not answer, the cluster only grows, from the state that this process remembers.

    Raises:
        Contended: if the cluster was held or written by others at every try; nothing was changed then.
        OverBudget: if the suite's share of the ECS API is used up; nothing was changed then, either.
        Exception: the first error of a call that changes something. All other calls were made.
    """
    budget = budget_of(runtime, environment.ledger_table)
    try:
        _with_ledger(runtime, environment, cluster, update)
    except LedgerUnavailable as error:
        _without_ledger(runtime, environment, cluster, update, budget, error)
    budget.report_refusals()


def _with_ledger(runtime: Runtime, environment: Environment, cluster: ClusterSettings, update: StateUpdate) -> None:
    """Decide and act. A race that only changed the state is decided again from what was seen of the cluster before.

    Launchers repeat their demands at any time: to look at the whole cluster again after each would lose every race.

    Raises:
        Contended: if the cluster was held, or written by others, at each of `TRIES` tries.
    """
    observed, acted = None, 0
    for _ in range(TRIES):
        with _ledger_errors():
            entry = ledger.load(runtime, environment.ledger_table, cluster.name)
        if entry.held_until > runtime.now():
            runtime.sleep(HELD_WAIT_S)
            continue
        entry = last_known.recovered(runtime, entry)
        state = replace(update(entry.state), reported_problems=cluster.problems)
        if observed is None or entry.acted != acted:
            budget = budget_of(runtime, environment.ledger_table)
            observed = observe(runtime, cluster, state.drift_since, budget, state.placement_failed_at)
            acted = entry.acted
        try:
            _evaluate_once(runtime, environment, cluster, entry, state, observed)
        except ledger.LostRace:
            continue
        return
    raise Contended(f"cluster {cluster.name} was held or written by others at each of {TRIES} tries")


def _evaluate_once(
    runtime: Runtime,
    environment: Environment,
    cluster: ClusterSettings,
    entry: ledger.Entry,
    state: ScalingState,
    observed: Snapshot,
) -> None:
    """Try once to decide from `state` and what was `observed`, and to carry out the decisions.

    Raises:
        LostRace: if the entry was written meanwhile.
    """
    is_active = cluster.thresholds.mode == "active"
    budget = budget_of(runtime, environment.ledger_table)
    found = evaluate_dry(runtime, cluster, state, budget, observed)
    of_pools = {one.name: one.decision.state.started for one in found.parts if one.name}
    keep_started(runtime, found.snapshot, found.state.started, of_pools)
    decided = found.parts
    parts = [replace(one, decision=put_off(runtime, one)) if is_active else one for one in decided]
    acting = [one for one in parts if one.acts] if is_active else []
    kept = joined(
        found.state,
        {
            one.name: one.decision.state if is_active else without_choices(one.decision.state, one.state)
            for one in parts
        },
    )
    if kept != entry.state or acting or entry.at_least:
        if acting:
            # The wait for these calls comes before the cluster is held.
            budget.await_turns({INSTANCE_STATES: sum(_state_updates(one.decision) for one in acting)})
        held_until = runtime.now() + ledger.HELD_FOR_S if acting else 0.0
        with _ledger_errors():
            held = ledger.save(
                runtime,
                environment.ledger_table,
                entry,
                kept,
                held_until,
                acts=bool(acting),
                held_by=environment.invocation,
            )
        last_known.keep_entry(runtime, held)
        new_problems = [problem for problem in cluster.problems if problem not in entry.state.reported_problems]
        report_problems(runtime, environment.people_topic_arn, cluster.name, new_problems)
    _tell(runtime, environment, cluster.thresholds, decided)
    error = None
    if acting:
        error = _carry_out(runtime, environment, ledger.Hold(runtime, environment.ledger_table, held), acting)
    looks = [one.decision.look_again_at for one in parts if one.decision.look_again_at is not None]
    if kept != entry.state and looks and not error:
        book_look(runtime, environment.autoscaler_queue_url, cluster.name, min(looks))
    if error:
        raise error


def _carry_out(
    runtime: Runtime, environment: Environment, hold: ledger.Hold, acting: Sequence[PoolDecision]
) -> Exception | None:
    """Carry out the decisions about the pools one after the other; return the first error of a call.

    What one pool refuses stops no other.
    """
    cluster = acting[0].snapshot.cluster
    outcomes = [(one, carry_out(runtime, one.snapshot, one.decision, hold.keep)) for one in acting]
    hold.release()
    for one, of in outcomes:
        if of.refused:
            refusals = partial(with_refusals, name=one.name, refused=of.refused, now=runtime.now())
            remember(runtime, environment.ledger_table, cluster, refusals)
        for update in _updates_after(one, of):
            remember(runtime, environment.ledger_table, cluster, update)
    if any(of.ask_again for _, of in outcomes):
        _ask_again(runtime, environment, cluster)
    return next((of.error for _, of in outcomes if of.error), None)


def _updates_after(one: PoolDecision, of: Outcome) -> list[StateUpdate]:
    """Return what is remembered of a target that the pool has not taken."""
    updates: list[StateUpdate] = [partial(without_target, one)] if of.ask_again else []
    if of.refusal and one.name and one.decision.target > one.snapshot.pool.target:
        updates.append(partial(with_refusal, one, of.refusal))
    return updates


def _tell(runtime: Runtime, environment: Environment, thresholds: Thresholds, parts: Sequence[PoolDecision]) -> None:
    """Put out what was decided, and tell the interruption handler of the instances that nobody empties."""
    put_metrics(runtime, parts, thresholds.start_at_once_share)
    for one in parts:
        log_decision(runtime, one, thresholds.mode)
        doomed = one.decision.state.doomed
        report_unserved(runtime, environment.unserved_queue_url, environment.ledger_table, one.snapshot, doomed)
        if thresholds.mode == "active":
            late = late_batch_tasks(one.snapshot, one.state, one.thresholds)
            report_late(runtime, environment.unserved_queue_url, one.snapshot.cluster, late)


def _state_updates(decision: Decision) -> int:
    """Count the calls that the decision's drains take."""
    of = INSTANCES_A_STATE_UPDATE
    forgotten = math.ceil(len(decision.to_forget) / ATTRIBUTES_A_CALL)
    return math.ceil(len(decision.to_drain) / of) + math.ceil(len(decision.to_undrain) / of) + forgotten


def _without_ledger(
    runtime: Runtime,
    environment: Environment,
    cluster: ClusterSettings,
    update: StateUpdate,
    budget: Budget,
    error: LedgerUnavailable,
) -> None:
    """Decide and only add capacity, from the state that this process remembers.

    The cluster is not held meanwhile: two such decisions set the same target, because both see the same.
    """
    runtime.telemetry.error(
        f"cluster {cluster.name}: ledger unavailable: scale-in is suspended until it answers: {error}",
        cluster=cluster.name,
    )
    runtime.telemetry.count(MetricName.LEDGER_UNREACHABLE, cluster=cluster.name)
    known = update(last_known.last_state(runtime, cluster.name))
    found = evaluate_dry(runtime, replace(cluster, grow_only=True), known, budget)
    kept = joined(found.state, {one.name: one.decision.state for one in found.parts})
    last_known.keep_state(runtime, cluster.name, kept)
    _tell(runtime, environment, cluster.thresholds, found.parts)
    if cluster.thresholds.mode != "active":
        return
    outcomes = [(one, carry_out(runtime, one.snapshot, one.decision)) for one in found.parts if one.acts]
    for update in (update for one, of in outcomes for update in _updates_after(one, of)):
        kept = update(kept)
        last_known.keep_state(runtime, cluster.name, kept)
    if any(of.ask_again for _, of in outcomes):
        _ask_again(runtime, environment, cluster.name)
    for _, of in outcomes:
        of.raise_error()


def _ask_again(runtime: Runtime, environment: Environment, cluster: str) -> None:
    at = runtime.now() + ASK_AGAIN_S
    book_look(runtime, environment.autoscaler_queue_url, cluster, at, "its pool was being changed")
