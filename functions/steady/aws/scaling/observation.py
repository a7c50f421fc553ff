"""What a cluster looks like now: its pool, its instances and services, and what runs on those that might be emptied."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from steady.api_budget.limits import BUCKET_OF
from steady.api_budget.turns import SCALE_IN_READS_S, Urgency
from steady.aws import capacity, ecs
from steady.aws.api_budget.budget import Budget
from steady.aws.runtime import Runtime
from steady.aws.scaling.services import services as services_of
from steady.cluster import ContainerInstance, Snapshot, TaskShape
from steady.thresholds import ClusterSettings


def look(
    runtime: Runtime, cluster: ClusterSettings, suspected: Iterable[str] = (), budget: Budget | None = None
) -> Snapshot:
    """What the cluster looks like now; of many services, those that are `suspected` in any case.

    The pool is read before the instances: one that leaves in between is missed, and the next tick sees it; one that
    was launched in between is never counted twice.

    Raises:
        OverBudget: if the suite's share of the ECS API is spent.
    """
    if budget:
        budget.begin_look(cluster.name, cluster.thresholds.api_share / 100)
    pool = capacity.pool(runtime, cluster.pool)
    instances = ecs.container_instances(runtime, cluster.name)
    services, daemons = services_of(runtime, cluster.name, suspected, budget)
    snapshot = Snapshot(
        cluster=cluster.name,
        at=runtime.now(),
        instances=instances,
        services=services,
        pool=pool,
        daemons=daemons,
        shapes=capacity.shapes(runtime, pool.types),
    )
    snapshot = with_constraints(runtime, snapshot, (s.shape for s in services if s.shape))
    if budget:
        budget.end_look(cluster.name)
    return snapshot


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


def affordable(instances: Sequence[ContainerInstance], budget: Budget | None) -> Sequence[ContainerInstance]:
    """The first of `instances`: as many as may be read of what runs on them, within the suite's share of the ECS API.

    Scale-in can wait: near the limit it is what is left for later.
    """
    if budget is None:
        return instances
    tasks, services = BUCKET_OF["DescribeTasks"], BUCKET_OF["DescribeServices"]
    calls = budget.affordable(tasks, SCALE_IN_READS_S) if budget.allows(Urgency.SCALE_IN) else 0
    read = ecs.readable_within(instances, calls)
    if any(i.task_count for i in read):
        budget.foresee({tasks.name: ecs.calls_to_read(read), services.name: 1})
    return read


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
