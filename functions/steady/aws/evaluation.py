"""One evaluation of one cluster: remember, observe, decide, hold the cluster, act. The only writer of capacity."""

from __future__ import annotations

import itertools
import json
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from steady import fallback, scale_in
from steady.aws import capacity, ecs, ledger, telling
from steady.aws.managed import Cluster
from steady.aws.queue import Message
from steady.aws.runtime import Runtime
from steady.aws.services import services as services_of
from steady.cluster import ContainerInstance, Snapshot, TaskShape
from steady.memory import Memory, observed
from steady.scaling import Decision, decide, outward
from steady.thresholds import BadThreshold

# A lost race is decided again at once; a cluster that is held is looked at again a moment later.
TRIES = 8
HELD_WAIT_S = 1.5
# SQS: the longest delay of a message.
LONGEST_DELAY_S = 900


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
    runtime: Runtime, desk: Desk, cluster: Cluster, change: Callable[[Memory], Memory] = lambda memory: memory
) -> Decision:
    """Decides about `cluster` and does what was decided; `change` is remembered with the decision.

    While the ledger does not answer, the cluster only grows, by what this process remembers of it.

    Raises:
        Contended: if the cluster was held or written by others at every try; nothing was changed then.
    """
    for _ in range(TRIES):
        try:
            entry = ledger.load(runtime, desk.ledger_table, cluster.name)
        except (ClientError, BotoCoreError) as error:
            return _without_ledger(runtime, cluster, change, error)
        runtime.known[f"memory of {cluster.name}"] = entry.memory
        if entry.held_until > runtime.now():
            runtime.sleep(HELD_WAIT_S)
            continue
        remembered = replace(change(entry.memory), told=cluster.problems)
        snapshot, memory, decision = considered(runtime, cluster, remembered)
        acts = decision.acts_on(snapshot) and cluster.thresholds.mode == "active"
        kept = (
            decision.memory
            if cluster.thresholds.mode == "active"
            else replace(decision.memory, draining=memory.draining, healing=memory.healing, raised_by=0, raised_to=0)
        )
        if kept == entry.memory and not acts:
            telling.measure(runtime, snapshot, decision)
            telling.say(runtime, snapshot, decision, cluster.thresholds.mode)
            return decision
        news = [problem for problem in cluster.problems if problem not in entry.memory.told]
        try:
            held_until = runtime.now() + ledger.HELD_FOR_S if acts else 0.0
            entry = ledger.save(runtime, desk.ledger_table, entry, kept, held_until)
        except ledger.LostRace:
            continue
        except (ClientError, BotoCoreError) as error:
            return _without_ledger(runtime, cluster, change, error)
        runtime.known[f"memory of {cluster.name}"] = kept
        telling.measure(runtime, snapshot, decision)
        telling.say(runtime, snapshot, decision, cluster.thresholds.mode)
        telling.tell(runtime, desk.people_topic_arn, cluster.name, news)
        if acts:
            act(runtime, snapshot, decision)
            ledger.release(runtime, desk.ledger_table, entry)
        if decision.look_again_at is not None:
            _book_look(runtime, desk, decision.cluster, decision.look_again_at)
        return decision
    raise Contended(f"cluster {cluster.name} was held or written by others at each of {TRIES} tries")


def _without_ledger(
    runtime: Runtime, cluster: Cluster, change: Callable[[Memory], Memory], error: ClientError | BotoCoreError
) -> Decision:
    """A decision that only adds capacity, remembered by this process alone.

    Nobody is held off meanwhile: two such decisions set the same target, made from what both see.
    """
    runtime.telemetry.error(f"the ledger does not answer, and it only grows: {error}", cluster=cluster.name)
    runtime.telemetry.count("LedgerUnreachable", cluster=cluster.name)
    known: Memory = runtime.known.get(f"memory of {cluster.name}", Memory())
    snapshot, _, decision = considered(runtime, replace(cluster, outward_only=True), change(known))
    runtime.known[f"memory of {cluster.name}"] = decision.memory
    telling.measure(runtime, snapshot, decision)
    telling.say(runtime, snapshot, decision, cluster.thresholds.mode)
    if decision.acts_on(snapshot) and cluster.thresholds.mode == "active":
        act(runtime, snapshot, decision)
    return decision


class Considered(NamedTuple):
    """What a decision was made from: what was seen, and what is remembered with it."""

    snapshot: Snapshot
    memory: Memory
    decision: Decision


def considered(runtime: Runtime, cluster: Cluster, memory: Memory) -> Considered:
    """What would be decided about `cluster` now; nothing is written."""
    snapshot = look(runtime, cluster, {*memory.drift_since, *memory.placement_failed_at})
    memory = observed(snapshot, memory, cluster.thresholds)
    due = scale_in.candidates(snapshot, memory.low_since, cluster.thresholds)
    due += [i for i in fallback.on_demand_instances(snapshot) if i not in due]
    if due:
        snapshot = with_tasks(runtime, snapshot, due)
    decision = decide(snapshot, memory, cluster.thresholds)
    return Considered(snapshot, memory, outward(decision, snapshot) if cluster.outward_only else decision)


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
        except (ClientError, BotoCoreError, BadThreshold, capacity.NoSuchPool, Contended) as error:
            runtime.telemetry.error(f"cluster {name} could not be evaluated, and will be again: {error}", cluster=name)
            failed += [m.id for m in of_cluster]
    return failed


def look(runtime: Runtime, cluster: Cluster, suspected: Iterable[str] = ()) -> Snapshot:
    """What the cluster looks like now; of many services, those that are `suspected` in any case.

    The pool is read before the instances: one that leaves in between is missed, and the next tick sees it; one that
    was launched in between is never counted twice.
    """
    pool = capacity.pool(runtime, cluster.pool)
    instances = ecs.container_instances(runtime, cluster.name)
    services, daemons = services_of(runtime, cluster.name, suspected)
    snapshot = Snapshot(
        cluster=cluster.name,
        at=runtime.now(),
        instances=instances,
        services=services,
        pool=pool,
        daemons=daemons,
        shapes=capacity.shapes(runtime, pool.types),
    )
    return with_constraints(runtime, snapshot, (s.shape for s in services if s.shape))


def with_constraints(runtime: Runtime, snapshot: Snapshot, shapes: Iterable[TaskShape]) -> Snapshot:
    """`snapshot` with what ECS says of the placement constraints of `shapes`; most tasks have none."""
    wanted = set(shapes)
    cluster = snapshot.cluster
    unread = {expression for shape in wanted for expression in shape.member_of} - set(snapshot.matching)
    matching = {e: ecs.instances_matching(runtime, cluster, e) for e in sorted(unread)}
    apart = {shape.group for shape in wanted if shape.group}
    services = tuple(
        replace(s, on=ecs.instances_of_service(runtime, cluster, s.name)) if s.name in apart and not s.on else s
        for s in snapshot.services
    )
    return replace(snapshot, matching={**snapshot.matching, **matching}, services=services)


def with_tasks(runtime: Runtime, snapshot: Snapshot, instances: Sequence[ContainerInstance]) -> Snapshot:
    """`snapshot` with what runs on `instances`: service tasks, which ECS moves when it drains, by their shapes.

    Batch tasks run on a draining instance until they end: since when the oldest has run is kept. Daemon tasks are
    neither.
    """
    cluster = snapshot.cluster
    movable: dict[str, list[TaskShape]] = {i.arn: [] for i in instances}
    bound: dict[str, float] = {}
    tasks = ecs.tasks_of_instances(runtime, cluster, instances)
    services = {s["serviceName"]: s for s in ecs.described_services(runtime, cluster, ecs.service_names(tasks))}
    for task in tasks:
        service = services.get(ecs.service_of(task))
        if service is None:
            arn = task["containerInstanceArn"]
            # ECS says it of every task; one that an emulator does not say it of counts as one that runs for ever.
            since = task["createdAt"].timestamp() if "createdAt" in task else 0.0
            bound[arn] = min(since, bound.get(arn, since))
        elif not ecs.is_daemon(service):
            # It is replaced by one of the service's own revision, whatever revision it is of itself.
            movable[task["containerInstanceArn"]].append(ecs.shape_in(runtime, service))
    tasks_of = {arn: tuple(shapes) for arn, shapes in movable.items()}
    known = replace(snapshot, tasks_of=tasks_of, bound_since=bound)
    return with_constraints(runtime, known, itertools.chain(*tasks_of.values()))


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
