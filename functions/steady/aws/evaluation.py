"""One evaluation of one cluster: remember, observe, decide, hold the cluster, act. The only writer of capacity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from steady import scale_in
from steady.aws import capacity, ecs, ledger, parameters
from steady.aws.queue import Message
from steady.aws.runtime import Runtime
from steady.cluster import ContainerInstance, PoolName, Snapshot, TaskShape
from steady.memory import Memory, observed
from steady.scaling import Decision, decide
from steady.thresholds import BadThreshold, Thresholds

# A lost race is decided again at once; a cluster that is held is looked at again a moment later.
TRIES = 8
HELD_WAIT_S = 1.5


class NamesCluster(Protocol):
    """What a message is about: a cluster, whatever else it says of it."""

    @property
    def cluster(self) -> str: ...


Named = TypeVar("Named", bound=NamesCluster)


class Contended(Exception):
    """The cluster was held, or written by others, at every try: the message comes again, or the next tick does it."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What an evaluation needs to know of a cluster, besides what it sees."""

    name: str
    pool: PoolName
    thresholds: Thresholds


def settings(runtime: Runtime, cluster: str, max_age_s: float = 0.0) -> Cluster:
    """The cluster's pool and thresholds; what is wrong with a parameter is logged and counted, and does not stop it.

    Args:
        max_age_s: how old they may be; a tick reads them anew, so that a change holds at the next one.

    Raises:
        BadThreshold: if the cluster has no usable `capacity` parameter.
    """
    kept: tuple[float, Cluster] | None = runtime.known.get(f"settings of {cluster}")
    if kept and runtime.now() - kept[0] < max_age_s:
        return kept[1]
    found = parameters.settings_of(runtime, cluster)
    for problem in found.problems:
        runtime.telemetry.error(problem, cluster=cluster)
    runtime.telemetry.count("BadThresholds", len(found.problems), cluster)
    settings = Cluster(cluster, found.pool, found.thresholds)
    runtime.known[f"settings of {cluster}"] = (runtime.now(), settings)
    return settings


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
    runtime: Runtime, table: str, cluster: Cluster, change: Callable[[Memory], Memory] = lambda memory: memory
) -> Decision:
    """Decides about `cluster` and does what was decided; `change` is remembered with the decision.

    Raises:
        Contended: if the cluster was held or written by others at every try; nothing was changed then.
    """
    for _ in range(TRIES):
        entry = ledger.load(runtime, table, cluster.name)
        if entry.held_until > runtime.now():
            runtime.sleep(HELD_WAIT_S)
            continue
        memory = change(entry.memory)
        snapshot = look(runtime, cluster)
        memory = observed(snapshot, memory, cluster.thresholds)
        due = scale_in.candidates(snapshot, memory.low_since, cluster.thresholds)
        if due:
            snapshot = replace(snapshot, tasks_of=movable_tasks(runtime, cluster.name, due))
        decision = decide(snapshot, memory, cluster.thresholds)
        acts = decision.acts_on(snapshot) and cluster.thresholds.mode == "active"
        kept = (
            decision.memory
            if cluster.thresholds.mode == "active"
            else replace(decision.memory, draining=memory.draining, raised_by=0, raised_to=0)
        )
        if kept == entry.memory and not acts:
            say(runtime, decision, cluster.thresholds.mode)
            return decision
        try:
            held_until = runtime.now() + ledger.HELD_FOR_S if acts else 0.0
            entry = ledger.save(runtime, table, entry, kept, held_until)
        except ledger.LostRace:
            continue
        say(runtime, decision, cluster.thresholds.mode)
        if acts:
            act(runtime, snapshot, decision)
            ledger.release(runtime, table, entry)
        return decision
    raise Contended(f"cluster {cluster.name} was held or written by others at each of {TRIES} tries")


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


def look(runtime: Runtime, cluster: Cluster) -> Snapshot:
    """What the cluster looks like now.

    The pool is read before the instances: one that leaves in between is missed, and the next tick sees it; one that
    was launched in between is never counted twice.
    """
    pool = capacity.pool(runtime, cluster.pool)
    return Snapshot(
        cluster=cluster.name,
        at=runtime.now(),
        instances=ecs.container_instances(runtime, cluster.name),
        services=ecs.replica_services(runtime, cluster.name),
        pool=pool,
    )


def movable_tasks(
    runtime: Runtime, cluster: str, instances: Sequence[ContainerInstance]
) -> dict[str, tuple[TaskShape, ...]]:
    """The shapes of the service tasks on `instances`, by container instance ARN: ECS moves them when it drains.

    Batch tasks are not among them: they run on a draining instance until they end.
    """
    found: dict[str, list[TaskShape]] = {i.arn: [] for i in instances}
    tasks = ecs.tasks_of_instances(runtime, cluster, instances)
    services = ecs.described_services(runtime, cluster, ecs.service_names(tasks))
    replicas = {s["serviceName"] for s in services if not ecs.is_daemon(s)}
    for task in tasks:
        if ecs.service_of(task) in replicas:
            shape = ecs.task_definition(runtime, task["taskDefinitionArn"]).shape
            found[task["containerInstanceArn"]].append(shape)
    return {arn: tuple(shapes) for arn, shapes in found.items()}


def act(runtime: Runtime, snapshot: Snapshot, decision: Decision) -> None:
    """Does what was decided. Each call sets something to what it should be, so that a repeat changes nothing."""
    ecs.undrain(runtime, snapshot.cluster, decision.to_undrain)
    if decision.to_terminate:
        capacity.terminate(runtime, snapshot.pool, decision.to_terminate, decision.target)
    elif decision.target != snapshot.pool.target:
        capacity.set_target(runtime, snapshot.pool, decision.target)
    ecs.drain(runtime, snapshot.cluster, decision.to_drain)


def say(runtime: Runtime, decision: Decision, mode: str) -> None:
    """Logs the decision with its reasons, and counts what it asks for."""
    if not decision.reasons:
        return
    runtime.telemetry.info(
        f"decided for cluster {decision.cluster}: target {decision.target}",
        cluster=decision.cluster,
        target=decision.target,
        mode=mode,
        reasons=[str(r) for r in decision.reasons],
        to_drain=list(decision.to_drain),
        to_undrain=list(decision.to_undrain),
        to_terminate=list(decision.to_terminate),
    )
    for reason in decision.reasons:
        runtime.telemetry.count(reason.name, cluster=decision.cluster)
