"""Evaluate one cluster: load its state, observe, decide, hold the cluster, act. The only writer of capacity."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from steady.api_budget.limits import BUCKET_OF
from steady.aws.api_budget.budget import Budget, OverBudget, budget_of
from steady.aws.ecs.container_instances import INSTANCES_A_STATE_UPDATE
from steady.aws.ecs.drain_marks import ATTRIBUTES_A_CALL
from steady.aws.runtime import Runtime
from steady.aws.scaling import last_known, ledger
from steady.aws.scaling.acting import carry_out
from steady.aws.scaling.canary import with_canary
from steady.aws.scaling.changing_pool import ASK_AGAIN_S, put_off
from steady.aws.scaling.looks import book_look
from steady.aws.scaling.observation import affordable, observe, with_tasks, with_waiting_runs
from steady.aws.scaling.reporting import log_decision, put_metrics, report_problems
from steady.aws.scaling.started import keep_started
from steady.aws.scaling.unserved import report_unserved
from steady.cluster import Snapshot
from steady.metrics import MetricName
from steady.scaling.decision import Decision, decide, grow_only, instances_to_read
from steady.scaling.reasons import ScaleInShed
from steady.scaling.renewal_round import to_go_first
from steady.scaling.state import (
    ScalingState,
    update_state,
    with_refused_terminations,
    with_target_not_set,
    without_choices,
)
from steady.thresholds import ClusterSettings, Thresholds

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
    """

    ledger_table: str
    autoscaler_queue_url: str
    people_topic_arn: str
    unserved_queue_url: str = ""

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
) -> Decision:
    """Decide about `cluster` and carry out the decision; what `update` adds to the state is remembered with it.

    While the ledger does not answer, the cluster only grows, from the state that this process remembers.

    Raises:
        Contended: if the cluster was held or written by others at every try; nothing was changed then.
        OverBudget: if the suite's share of the ECS API is used up; nothing was changed then, either.
    """
    budget = budget_of(runtime, environment.ledger_table)
    try:
        decision = _with_ledger(runtime, environment, cluster, update)
    except LedgerUnavailable as error:
        decision = _without_ledger(runtime, environment, cluster, update, budget, error)
    budget.report_refusals()
    return decision


def _with_ledger(runtime: Runtime, environment: Environment, cluster: ClusterSettings, update: StateUpdate) -> Decision:
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
            return _evaluate_once(runtime, environment, cluster, entry, state, observed)
        except ledger.LostRace:
            continue
    raise Contended(f"cluster {cluster.name} was held or written by others at each of {TRIES} tries")


def _evaluate_once(
    runtime: Runtime,
    environment: Environment,
    cluster: ClusterSettings,
    entry: ledger.Entry,
    state: ScalingState,
    observed: Snapshot,
) -> Decision:
    """Try once to decide from `state` and what was `observed`, and to carry out the decision.

    Raises:
        LostRace: if the entry was written meanwhile.
    """
    is_active = cluster.thresholds.mode == "active"
    budget = budget_of(runtime, environment.ledger_table)
    snapshot, state, decision = evaluate_dry(runtime, cluster, state, budget, observed)
    keep_started(runtime, snapshot, state.started)
    decided, decision = decision, put_off(runtime, snapshot, decision, state) if is_active else decision
    acts = decision.acts_on(snapshot) and is_active
    kept = decision.state if is_active else without_choices(decision.state, state)
    if kept != entry.state or acts or entry.at_least:
        if acts:
            # The wait for these calls comes before the cluster is held.
            budget.await_turns({INSTANCE_STATES: _state_updates(decision)})
        held_until = runtime.now() + ledger.HELD_FOR_S if acts else 0.0
        with _ledger_errors():
            held = ledger.save(runtime, environment.ledger_table, entry, kept, held_until, acts=acts)
        last_known.keep_entry(runtime, held)
        new_problems = [problem for problem in cluster.problems if problem not in entry.state.reported_problems]
        report_problems(runtime, environment.people_topic_arn, cluster.name, new_problems)
    _tell(runtime, environment, cluster.thresholds, snapshot, decided)
    if acts:
        hold = ledger.Hold(runtime, environment.ledger_table, held)
        outcome = carry_out(runtime, snapshot, decision, hold.keep)
        hold.release()
        if outcome.refused:
            refused = partial(with_refused_terminations, refused=outcome.refused, now=runtime.now())
            remember(runtime, environment.ledger_table, cluster.name, refused)
        if outcome.ask_again:
            not_set = partial(with_target_not_set, decided=kept, seen=state)
            remember(runtime, environment.ledger_table, cluster.name, not_set)
            _ask_again(runtime, environment, cluster.name)
        outcome.raise_error()
    if kept != entry.state and decision.look_again_at is not None:
        book_look(runtime, environment.autoscaler_queue_url, decision.cluster, decision.look_again_at)
    return decision


def _tell(
    runtime: Runtime, environment: Environment, thresholds: Thresholds, snapshot: Snapshot, decision: Decision
) -> None:
    """Put out what was decided, and tell the interruption handler of the instances that nobody empties."""
    put_metrics(runtime, snapshot, decision, thresholds.start_at_once_share)
    log_decision(runtime, snapshot, decision, thresholds.mode)
    report_unserved(runtime, environment.unserved_queue_url, environment.ledger_table, snapshot, decision.state.doomed)


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
) -> Decision:
    """Decide and only add capacity, from the state that this process remembers.

    The cluster is not held meanwhile: two such decisions set the same target, because both see the same.
    """
    runtime.telemetry.error(
        f"cluster {cluster.name}: ledger unavailable: scale-in is suspended until it answers: {error}",
        cluster=cluster.name,
    )
    runtime.telemetry.count(MetricName.LEDGER_UNREACHABLE, cluster=cluster.name)
    known = last_known.last_state(runtime, cluster.name)
    snapshot, _, decision = evaluate_dry(runtime, replace(cluster, grow_only=True), update(known), budget)
    last_known.keep_state(runtime, cluster.name, decision.state)
    _tell(runtime, environment, cluster.thresholds, snapshot, decision)
    if decision.acts_on(snapshot) and cluster.thresholds.mode == "active":
        outcome = carry_out(runtime, snapshot, decision)
        if outcome.ask_again:
            last_known.keep_state(runtime, cluster.name, with_target_not_set(decision.state, decision.state, known))
            _ask_again(runtime, environment, cluster.name)
        outcome.raise_error()
    return decision


def _ask_again(runtime: Runtime, environment: Environment, cluster: str) -> None:
    at = runtime.now() + ASK_AGAIN_S
    book_look(runtime, environment.autoscaler_queue_url, cluster, at, "its pool was being changed")


class Evaluation(NamedTuple):
    """A decision, with the snapshot and the state that it was made from."""

    snapshot: Snapshot
    state: ScalingState
    decision: Decision


def evaluate_dry(
    runtime: Runtime,
    cluster: ClusterSettings,
    state: ScalingState,
    budget: Budget | None = None,
    observed: Snapshot | None = None,
) -> Evaluation:
    """Observe `cluster` and decide about it; nothing is written.

    Args:
        budget: what the suite may call of ECS; None: no limit.
        observed: what was seen of the cluster a moment ago; None: it is looked at.

    Raises:
        NoSuchPool: if the cluster's pool is not there.
        OverBudget: if the suite's share of the ECS API is used up.
    """
    snapshot = observed or observe(runtime, cluster, state.drift_since, budget, state.placement_failed_at)
    snapshot = with_waiting_runs(runtime, snapshot, state)
    state = update_state(snapshot, state, cluster.thresholds)
    snapshot = with_canary(runtime, replace(snapshot, to_go_first=to_go_first(snapshot, state)), state)
    due = instances_to_read(snapshot, state, cluster.thresholds)
    read = affordable(due, budget)
    if due:
        unread = frozenset(i.arn for i in due[len(read) :])
        snapshot = with_tasks(runtime, replace(snapshot, unread=unread), read)
    decision = decide(snapshot, state, cluster.thresholds)
    if len(read) < len(due):
        runtime.telemetry.count(MetricName.CALLS_SHED, cluster=cluster.name)
        decision = replace(decision, reasons=(*decision.reasons, ScaleInShed(len(read), len(due))))
    return Evaluation(snapshot, state, grow_only(decision, snapshot) if cluster.grow_only else decision)
