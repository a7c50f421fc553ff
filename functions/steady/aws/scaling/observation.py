"""Observe a cluster: its pools, its instances and services, and the tasks on the instances that may be emptied."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from steady.api_budget.limits import BUCKET_OF
from steady.api_budget.turns import SCALE_IN_READS_S, Urgency
from steady.aws.api_budget.budget import Budget
from steady.aws.capacity import instance_types, pools
from steady.aws.capacity.drift import with_drift
from steady.aws.capacity.providers import Providers
from steady.aws.capacity.template_types import with_template_types
from steady.aws.ecs.account_settings import instances_get_trunks
from steady.aws.ecs.container_instances import describe_all_instances, list_instances_matching
from steady.aws.ecs.services import can_move_tasks, describe_services, is_daemon, launch_of, service_names, service_of
from steady.aws.ecs.task_lists import calls_to_read, describe_tasks_on, list_instances_of_service, readable_within
from steady.aws.ecs.tasks import find_protected_tasks, with_stopping
from steady.aws.runtime import Runtime
from steady.aws.scaling.displaced import with_displaced
from steady.aws.scaling.services import read_services, readable_shape
from steady.aws.scaling.shares import with_shares
from steady.aws.scaling.started import with_started
from steady.cluster import ContainerInstance, InstanceStatus, Snapshot, TaskShape
from steady.metrics import MetricName
from steady.pools import Pool
from steady.pools_together import together
from steady.scaling.demand import task_of
from steady.scaling.new_instance_query import about_new_instance
from steady.scaling.platforms import platform_of
from steady.scaling.room import attributes_of_new
from steady.scaling.state import ScalingState
from steady.settings import ClusterSettings


def observe(
    runtime: Runtime,
    cluster: ClusterSettings,
    suspected: Iterable[str] = (),
    budget: Budget | None = None,
    failed: Collection[str] = (),
) -> Snapshot:
    """Read what the cluster looks like now.

    The pools are read before the instances. An instance that leaves in between is missing from the snapshot, and the
    next tick sees it; an instance that is launched in between is never counted twice.

    Args:
        suspected: the names of services that are read in any case, however many services there are.
        budget: what the suite may call of ECS; None: no limit.
        failed: the names of services of which ECS could not place a task; they are read in any case, too.

    Raises:
        NoSuchPool: if the cluster has no pool that is there. Of several, one that cannot be read stops no other.
        OverBudget: if the suite's share of the ECS API is used up.
    """
    if budget:
        budget.begin_look(cluster.name, cluster.thresholds.api_share / 100)
    read = read_pools(runtime, cluster)
    pool = together(read.values())
    everything = describe_all_instances(runtime, cluster.name)
    providers = Providers(runtime, cluster.name, {one.name: one.members for one in read.values()}, everything)
    instances = providers.our_instances(everything)
    # A draining instance that looks empty is not while tasks of it are stopping.
    empty = [i.arn for i in instances if i.status is InstanceStatus.DRAINING and not i.task_count]
    instances = with_stopping(runtime, cluster.name, instances, empty)
    services, daemons = read_services(runtime, cluster.name, providers, suspected, budget, failed)
    snapshot = Snapshot(
        cluster=cluster.name,
        at=runtime.now(),
        instances=instances,
        services=services,
        pool=pool,
        daemons=daemons,
        shapes=instance_types.shapes(runtime, pool.types),
        pools=_with_providers(read, providers) if len(cluster.pools) > 1 else {},
    )
    snapshot = with_started(runtime, snapshot)
    snapshot = with_shares(runtime, with_displaced(runtime, snapshot, failed), providers)
    snapshot = with_constraints(runtime, snapshot, [*(s.shape for s in services if s.shape), *daemons.bound])
    if budget:
        budget.end_look(cluster.name)
    return snapshot


def read_pools(runtime: Runtime, cluster: ClusterSettings) -> Mapping[str, Pool]:
    """Return the pools of the cluster, by name. Of several, those that cannot be read are left out, and logged.

    Raises:
        Exception: the first error, if no pool could be read.
    """
    found: dict[str, Pool] = {}
    errors: list[Exception] = []
    for one in cluster.pools:
        try:
            pool = pools.read_pool(runtime, one.pool)
            if len(cluster.pools) > 1:
                pool = with_template_types(runtime, pool)
            found[one.name] = with_drift(runtime, pool, cluster.thresholds)
        except Exception as error:
            errors.append(error)
            if len(cluster.pools) > 1:
                runtime.telemetry.error(
                    f"cluster {cluster.name}: pool {one.name} ({one.pool}) cannot be read, and is left as it is; the "
                    f"other pools are scaled: {error}",
                    cluster=cluster.name,
                )
                runtime.telemetry.count(MetricName.POOL_UNREADABLE, cluster=cluster.name, pool=one.name)
    if not found:
        raise errors[0]
    return found


def _with_providers(read: Mapping[str, Pool], providers: Providers) -> Mapping[str, Pool]:
    return {name: replace(pool, providers=providers.of_pool(pool.name)) for name, pool in read.items()}


def with_waiting_runs(runtime: Runtime, snapshot: Snapshot, state: ScalingState) -> Snapshot:
    """Return `snapshot` with what must be known of the tasks that batch launchers could not place, too."""
    runs = [task_of(d, state.run_shapes) for d in state.demands.values()]
    if snapshot.pools:
        providers = _providers_of(runtime, snapshot)
        providers.ours(name for task in runs for name in task.providers)
        named = {name: pool.providers | providers.of_pool(pool.name) for name, pool in snapshot.pools.items()}
        snapshot = replace(
            snapshot, pools={name: replace(pool, providers=named[name]) for name, pool in snapshot.pools.items()}
        )
    return with_trunks(runtime, with_constraints(runtime, snapshot, runs), state.shapes, runs)


def with_trunks(
    runtime: Runtime, snapshot: Snapshot, seen: Collection[str], runs: Iterable[TaskShape] = ()
) -> Snapshot:
    """Return `snapshot` with the trunks of instance types of which no instance has registered yet.

    They matter only where tasks have network interfaces of their own. An instance of another type that has a trunk
    shows that those to come get one, too; else the account setting is asked for.

    Args:
        seen: the types of which instances have registered: what they have counts.
    """
    shapes = itertools.chain(runs, (s.shape for s in snapshot.services if s.shape))
    unseen = [type_ for type_ in snapshot.pool.types if type_ not in seen]
    if not unseen or not any(shape.enis for shape in shapes):
        return snapshot
    limits = instance_types.trunk_limits(runtime, unseen)
    is_shown = any(not i.enis_limited for i in snapshot.instances)
    return replace(snapshot, trunks=limits if limits and (is_shown or instances_get_trunks(runtime)) else {})


def with_constraints(runtime: Runtime, snapshot: Snapshot, shapes: Iterable[TaskShape]) -> Snapshot:
    """Return `snapshot` with what ECS says of the placement constraints of `shapes`; most tasks have none."""
    wanted = set(shapes)
    cluster = snapshot.cluster
    asked = {expression for shape in wanted for expression in shape.member_of}
    # Of a new instance other words may hold: what is left of them, its sisters show.
    answers = {about_new_instance(expression) for expression in asked}
    for expression, type_ in itertools.product(asked, snapshot.pool.types):
        of_new = attributes_of_new(type_, snapshot.pool, expression)
        answers |= {about_new_instance(expression, tuple(known.items())) for known in of_new}
    left = {answer for answer in answers if isinstance(answer, str)}
    unread = (asked | left) - set(snapshot.matching)
    matching, unmet = platform_of(unread, snapshot)
    unread -= set(matching)
    for expression in sorted(unread):
        found = _readable(
            runtime, cluster, f"memberOf {expression}", partial(list_instances_matching, expression=expression)
        )
        if found is not None:
            matching[expression] = found
    apart = {shape.group for shape in wanted if shape.group}
    services = []
    for s in snapshot.services:
        on: frozenset[str] | None = s.on
        if s.name in apart and not s.on:
            read = partial(list_instances_of_service, service=s.name)
            on = _readable(runtime, cluster, f"the instances of service {s.name}", read)
        # Where such tasks may be placed is not known: nothing is asked for them.
        is_known = on is not None and (s.shape is None or s.shape.member_of <= {*snapshot.matching, *matching})
        there, shape = on or frozenset(), s.shape if is_known else None
        services.append(s if (there, shape) == (s.on, s.shape) else replace(s, on=there, shape=shape))
    known = {**snapshot.matching, **matching}
    return replace(snapshot, matching=known, unmet=snapshot.unmet | unmet, services=tuple(services))


def _readable(
    runtime: Runtime, cluster: str, what: str, read: Callable[[Runtime, str], frozenset[str]]
) -> frozenset[str] | None:
    """Return what `read` returns; None, and a warning, if ECS refuses it."""
    try:
        return read(runtime, cluster)
    except Exception as error:
        runtime.telemetry.warning(
            f"cluster {cluster}: {what} cannot be read, so no capacity is asked for tasks that need it; the rest is "
            f"decided: {error}",
            cluster=cluster,
        )
        return None


def _providers_of(runtime: Runtime, snapshot: Snapshot) -> Providers:
    read = snapshot.pools.values() or (snapshot.pool,)
    return Providers(runtime, snapshot.cluster, {pool.name: pool.members for pool in read}, snapshot.instances)


def affordable(instances: Sequence[ContainerInstance], budget: Budget | None) -> Sequence[ContainerInstance]:
    """Return the first of `instances`: as many as may be read within the suite's share of the ECS API.

    Near the limit none is read: scale-in can wait.
    """
    if budget is None:
        return instances
    tasks, services = BUCKET_OF["DescribeTasks"], BUCKET_OF["DescribeServices"]
    calls = budget.affordable(tasks, SCALE_IN_READS_S) if budget.allows(Urgency.SCALE_IN) else 0
    read = readable_within(instances, calls)
    if any(i.task_count for i in read):
        budget.foresee({tasks.name: calls_to_read(read), services.name: 1})
    return read


def with_tasks(runtime: Runtime, snapshot: Snapshot, instances: Sequence[ContainerInstance]) -> Snapshot:
    """Return `snapshot` with the tasks on `instances`.

    Of service tasks, which ECS moves when it drains an instance, the shapes are kept, unless they move to Fargate or to
    another pool. Of batch tasks, which run on a
    draining instance until they end, the creation time of the oldest is kept. Daemon tasks are left out. Instances with
    tasks of which ECS does not say what they need are `unread`; those with a task that ECS cannot move are `pinned`.
    """
    cluster = snapshot.cluster
    movable: dict[str, list[TaskShape | None]] = {i.arn: [] for i in instances}
    shapes: dict[str, TaskShape | None] = {}
    bound: dict[str, float] = {}
    pinned = set(snapshot.pinned)
    tasks = describe_tasks_on(runtime, cluster, instances)
    services = {s["serviceName"]: s for s in describe_services(runtime, cluster, service_names(tasks))}
    replicas = {name for name, service in services.items() if not is_daemon(service)}
    moved = [t["taskArn"] for t in tasks if service_of(t) in replicas and can_move_tasks(services[service_of(t)])]
    free = set(moved) - find_protected_tasks(runtime, cluster, moved)
    providers = _providers_of(runtime, snapshot)
    for task in tasks:
        service = services.get(service_of(task))
        if service is None:
            arn = task["containerInstanceArn"]
            # ECS gives every task a creation time; some emulators do not: such a task counts as one that never ends.
            since = task["createdAt"].timestamp() if "createdAt" in task else 0.0
            bound[arn] = min(since, bound.get(arn, since))
        elif not is_daemon(service) and providers.serves(launch_of(service)):
            # ECS replaces it by a task of the service's current revision, which may differ from its own.
            name = service["serviceName"]
            if name not in shapes:
                shapes[name] = readable_shape(runtime, cluster, service, providers)
            movable[task["containerInstanceArn"]].append(shapes[name])
            if task["taskArn"] not in free:
                pinned.add(task["containerInstanceArn"])
    tasks_of = {arn: tuple(s for s in found if s) for arn, found in movable.items()}
    known = replace(snapshot, tasks_of=tasks_of, bound_since=bound, pinned=frozenset(pinned))
    known = with_constraints(runtime, known, itertools.chain(*tasks_of.values()))
    odd = {arn for arn, found in movable.items() if None in found}
    odd |= {arn for arn, found in tasks_of.items() if any(not s.member_of <= set(known.matching) for s in found)}
    return replace(known, unread=known.unread | odd)
