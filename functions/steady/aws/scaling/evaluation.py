"""One evaluation of one cluster: remember, observe, decide, hold the cluster, act. The only writer of capacity."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from steady.api_budget.limits import BUCKET_OF
from steady.aws import capacity, ecs
from steady.aws.api_budget.budget import Budget, OverBudget, budget_of
from steady.aws.cache import Cache
from steady.aws.queue import Message
from steady.aws.runtime import Runtime
from steady.aws.scaling import ledger, reporting
from steady.aws.scaling.observation import affordable, look, with_tasks
from steady.cluster import Snapshot
from steady.scaling import scale_in, spot_fallback
from steady.scaling.decision import Bounds, Decision, decide, outward
from steady.scaling.reasons import ScaleInShed
from steady.scaling.state import Memory, observed
from steady.thresholds import BadThreshold, ClusterSettings

# A lost race is decided again at once; a cluster that is held is looked at again a moment later.
TRIES = 8
HELD_WAIT_S = 1.5
# SQS: the longest delay of a message.
LONGEST_DELAY_S = 900
# What drains and undrains draw on.
INSTANCE_STATES = BUCKET_OF["UpdateContainerInstancesState"].name
# What this process last knew of a cluster's memory, by the cluster's name: for while the ledger does not answer.
LAST_MEMORY = Cache[str, Memory]()


class NamesCluster(Protocol):
    """What a message is about: a cluster, whatever else it says of it."""

    @property
    def cluster(self) -> str: ...


Named = TypeVar("Named", bound=NamesCluster)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where evaluations keep their books, and write to: the ledger, the queue of later looks, and people."""

    ledger_table: str
    autoscaler_queue_url: str
    people_topic_arn: str

    @staticmethod
    def read() -> Desk:
        return Desk(os.environ["LEDGER_TABLE"], os.environ["AUTOSCALER_QUEUE_URL"], os.environ["PEOPLE_TOPIC_ARN"])


class Contended(Exception):
    """The cluster was held, or written by others, at every try: the message comes again, or the next tick does it."""


class LedgerSilent(Exception):
    """The ledger does not answer, or refuses; the text says why."""


@contextmanager
def _asked() -> Iterator[None]:
    """Around what is asked of the ledger: its failures are apart from those of all other calls."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise LedgerSilent(str(error)) from error


# Why an evaluation did not come about. Nothing was changed then.
POSTPONED = (Contended, OverBudget)


def remember(runtime: Runtime, table: str, cluster: str, change: Callable[[Memory], Memory]) -> None:
    """Writes `change` of the cluster's memory into the ledger, without deciding anything.

    Raises:
        Contended: if others wrote first at every try.
    """
    for _ in range(TRIES):
        entry = ledger.load(runtime, table, cluster)
        try:
            ledger.save(runtime, table, entry, change(entry.memory), entry.held_until)
        except ledger.LostRace:
            continue
        return
    raise Contended(f"cluster {cluster} was written by others {TRIES} times in a row")


def evaluate(
    runtime: Runtime, desk: Desk, cluster: ClusterSettings, change: Callable[[Memory], Memory] = lambda memory: memory
) -> Decision:
    """Decides about `cluster` and does what was decided; `change` is remembered with the decision.

    While the ledger does not answer, the cluster only grows, by what this process remembers of it.

    Raises:
        Contended: if the cluster was held or written by others at every try; nothing was changed then.
        OverBudget: if the suite's share of the ECS API is spent; nothing was changed then, either.
    """
    budget = budget_of(runtime, desk.ledger_table)
    try:
        decision = _with_ledger(runtime, desk, cluster, change)
    except LedgerSilent as error:
        decision = _without_ledger(runtime, cluster, change, budget, error)
    budget.report_refusals()
    return decision


def _with_ledger(
    runtime: Runtime, desk: Desk, cluster: ClusterSettings, change: Callable[[Memory], Memory]
) -> Decision:
    for _ in range(TRIES):
        with _asked():
            entry = ledger.load(runtime, desk.ledger_table, cluster.name)
        LAST_MEMORY.keep(runtime, cluster.name, entry.memory)
        if entry.held_until > runtime.now():
            runtime.sleep(HELD_WAIT_S)
            continue
        try:
            return _evaluated(runtime, desk, cluster, entry, replace(change(entry.memory), told=cluster.problems))
        except ledger.LostRace:
            continue
    raise Contended(f"cluster {cluster.name} was held or written by others at each of {TRIES} tries")


def _evaluated(
    runtime: Runtime, desk: Desk, cluster: ClusterSettings, entry: ledger.Entry, remembered: Memory
) -> Decision:
    """One try at the decision, from what was `remembered`, and at doing it.

    Raises:
        LostRace: if the entry was written meanwhile.
    """
    active = cluster.thresholds.mode == "active"
    budget = budget_of(runtime, desk.ledger_table)
    snapshot, memory, decision = considered(runtime, cluster, remembered, budget)
    acts = decision.acts_on(snapshot) and active
    kept = decision.memory if active else _only_seen(decision.memory, memory)
    if kept != entry.memory or acts:
        if acts:
            # What takes long is waited for before the cluster is held.
            budget.await_turns({INSTANCE_STATES: _state_updates(decision)})
        held_until = runtime.now() + ledger.HELD_FOR_S if acts else 0.0
        with _asked():
            held = ledger.save(runtime, desk.ledger_table, entry, kept, held_until)
        LAST_MEMORY.keep(runtime, cluster.name, kept)
        news = [problem for problem in cluster.problems if problem not in entry.memory.told]
        reporting.tell(runtime, desk.people_topic_arn, cluster.name, news)
    reporting.measure(runtime, snapshot, decision)
    reporting.say(runtime, snapshot, decision, cluster.thresholds.mode)
    if acts:
        act(runtime, snapshot, decision)
        ledger.release(runtime, desk.ledger_table, held)
    if kept != entry.memory and decision.look_again_at is not None:
        _book_look(runtime, desk, decision.cluster, decision.look_again_at)
    return decision


def _only_seen(decided: Memory, seen: Memory) -> Memory:
    """What a decision that is not carried out leaves to remember."""
    return replace(decided, draining=seen.draining, healing=seen.healing, raised_by=0, raised_to=0)


def _state_updates(decision: Decision) -> int:
    """How many calls the decision's drains take."""
    of = ecs.INSTANCES_A_STATE_UPDATE
    return math.ceil(len(decision.to_drain) / of) + math.ceil(len(decision.to_undrain) / of)


def _without_ledger(
    runtime: Runtime, cluster: ClusterSettings, change: Callable[[Memory], Memory], budget: Budget, error: LedgerSilent
) -> Decision:
    """A decision that only adds capacity, remembered by this process alone.

    Nobody is held off meanwhile: two such decisions set the same target, made from what both see.
    """
    runtime.telemetry.error(f"the ledger does not answer, and it only grows: {error}", cluster=cluster.name)
    runtime.telemetry.count("LedgerUnreachable", cluster=cluster.name)
    known = LAST_MEMORY.get(runtime, cluster.name) or Memory()
    snapshot, _, decision = considered(runtime, replace(cluster, grow_only=True), change(known), budget)
    LAST_MEMORY.keep(runtime, cluster.name, decision.memory)
    reporting.measure(runtime, snapshot, decision)
    reporting.say(runtime, snapshot, decision, cluster.thresholds.mode)
    if decision.acts_on(snapshot) and cluster.thresholds.mode == "active":
        act(runtime, snapshot, decision)
    return decision


class Considered(NamedTuple):
    """What a decision was made from: what was seen, and what is remembered with it."""

    snapshot: Snapshot
    memory: Memory
    decision: Decision


def considered(runtime: Runtime, cluster: ClusterSettings, memory: Memory, budget: Budget | None = None) -> Considered:
    """What would be decided about `cluster` now; nothing is written."""
    snapshot = look(runtime, cluster, {*memory.drift_since, *memory.placement_failed_at}, budget)
    memory = observed(snapshot, memory, cluster.thresholds)
    minimum = Bounds.of(snapshot, cluster.thresholds).minimum
    due = scale_in.candidates(snapshot, memory.low_since, cluster.thresholds, minimum)
    due += [i for i in spot_fallback.on_demand_instances(snapshot) if i not in due]
    read = affordable(due, budget)
    if due:
        unread = frozenset(i.arn for i in due[len(read) :])
        snapshot = replace(with_tasks(runtime, snapshot, read), unread=unread)
    decision = decide(snapshot, memory, cluster.thresholds)
    if len(read) < len(due):
        runtime.telemetry.count("CallsShed", cluster=cluster.name)
        decision = replace(decision, reasons=(*decision.reasons, ScaleInShed(len(read), len(due))))
    return Considered(snapshot, memory, outward(decision, snapshot) if cluster.grow_only else decision)


def each_cluster(
    runtime: Runtime, messages: Iterable[Message[Named]], handle: Callable[[str, list[Message[Named]]], None]
) -> list[str]:
    """Lets `handle` have the messages of each cluster; returns the ids of those that could not be evaluated."""
    by_cluster: dict[str, list[Message[Named]]] = {}
    for message in messages:
        by_cluster.setdefault(message.value.cluster, []).append(message)
    failed: list[str] = []
    for name, of_cluster in sorted(by_cluster.items()):
        try:
            handle(name, of_cluster)
        except (ClientError, BotoCoreError, BadThreshold, capacity.NoSuchPool, *POSTPONED) as error:
            runtime.telemetry.error(f"cluster {name} could not be evaluated, and will be again: {error}", cluster=name)
            failed += [m.id for m in of_cluster]
    return failed


def _book_look(runtime: Runtime, desk: Desk, cluster: str, at: float) -> None:
    """Has the autoscaler look at `cluster` at the time `at`."""
    delay_s = max(0, min(LONGEST_DELAY_S, math.ceil(at - runtime.now())))
    runtime.sqs.send_message(
        QueueUrl=desk.autoscaler_queue_url,
        MessageBody=json.dumps({"cluster": cluster, "why": "something comes due"}),
        DelaySeconds=delay_s,
    )


def act(runtime: Runtime, snapshot: Snapshot, decision: Decision) -> None:
    """Does what was decided. Each call sets something to what it should be, so that a repeat changes nothing."""
    pool = snapshot.pool
    ecs.undrain(runtime, snapshot.cluster, decision.to_undrain)
    if decision.to_terminate:
        capacity.terminate(runtime, pool, decision.to_terminate, decision.target, decision.on_demand)
    elif (decision.target, decision.on_demand) != (pool.target, pool.on_demand):
        capacity.set_target(runtime, pool, decision.target, decision.on_demand)
    ecs.drain(runtime, snapshot.cluster, decision.to_drain)
