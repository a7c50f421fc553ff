"""Tasks: read by instance or by cluster, the fewer calls, and stopped at the pace that ECS allows."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from steady.api_budget.limits import BUCKET_OF, THROTTLED
from steady.aws.cache import Cache
from steady.aws.ecs.pages import PAGE
from steady.aws.ecs.task_definitions import read_task_definition
from steady.aws.pace import pace_of
from steady.aws.runtime import Runtime, batches
from steady.cluster import DEFAULT_STOP_TIMEOUT_S, ContainerInstance
from steady.service_out.stops import Stop

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import TaskTypeDef

TASKS_A_DESCRIBE = 100
TASKS_A_PROTECTION = 100
# StopTask's bucket, less 9 of its 100 calls at once: those are left to the drains, and to whoever runs tasks.
STOP_BUCKET = replace(BUCKET_OF["StopTask"], burst=91)
STOPS_AT_ONCE = 32
# How long a container that never ends is waited for, in seconds after its stop timeout; and how long a service's task
# may leave its load balancers before that (ELB: 300 s by default).
STOP_GRACE_S = 30.0
LEAVES_TARGETS_FOR_S = 300.0
# The number of tasks of each cluster, by its name.
TASK_COUNTS = Cache[str, int](max_age_s=60.0)


def list_instances_of_service(runtime: Runtime, cluster: str, service: str) -> frozenset[str]:
    """Return the ARNs of the container instances on which tasks of `service` are."""
    tasks = _describe(runtime, cluster, _list(runtime, cluster=cluster, serviceName=service))
    return frozenset(task["containerInstanceArn"] for task in tasks if task.get("containerInstanceArn"))


def describe_tasks_on(runtime: Runtime, cluster: str, instances: Sequence[ContainerInstance]) -> list[TaskTypeDef]:
    """Return the tasks that ECS wants RUNNING on `instances`, listed by instance or by cluster: the fewer calls."""
    client = runtime.ecs
    busy = [i for i in instances if i.task_count]
    if _by_cluster_is_cheaper(runtime, cluster, busy):
        arns = _list(runtime, cluster=cluster)
    else:
        lists = runtime.in_parallel(lambda i: _list(runtime, cluster=cluster, containerInstance=i.arn), busy)
        arns = [arn for found in lists for arn in found]
    wanted = {i.arn for i in busy}
    answers = runtime.in_parallel(
        lambda batch: client.describe_tasks(cluster=cluster, tasks=batch), list(batches(arns, TASKS_A_DESCRIBE))
    )
    return [
        task
        for answer in answers
        for task in answer["tasks"]
        if task.get("containerInstanceArn") in wanted and task.get("lastStatus") != "STOPPED"
    ]


def calls_to_read(instances: Iterable[ContainerInstance]) -> int:
    """Return how many calls list and describe the tasks of `instances`, an instance at a time."""
    return _calls_to_read([i.task_count for i in instances])


def _calls_to_read(counts: Sequence[int]) -> int:
    return sum(count > 0 for count in counts) + _pages(sum(counts))


def readable_within(instances: Sequence[ContainerInstance], calls: int) -> Sequence[ContainerInstance]:
    """Return the first of `instances`, as many as have their tasks listed and described in `calls` calls."""
    counts = [i.task_count for i in instances]
    most = bisect.bisect_right(range(len(counts)), calls, key=lambda last: _calls_to_read(counts[: last + 1]))
    return instances[:most]


def _by_cluster_is_cheaper(runtime: Runtime, cluster: str, busy: Sequence[ContainerInstance]) -> bool:
    if len(busy) <= 4:
        return False
    here = sum(i.task_count for i in busy)
    return 2 * _pages(_tasks_in(runtime, cluster)) < len(busy) + _pages(here)


def _tasks_in(runtime: Runtime, cluster: str) -> int:
    # The count only chooses between two ways to read the same tasks: an old count is good enough.
    kept = TASK_COUNTS.get(runtime, cluster)
    if kept is not None:
        return kept
    described = runtime.ecs.describe_clusters(clusters=[cluster])["clusters"][0]
    return TASK_COUNTS.keep(runtime, cluster, described["runningTasksCount"] + described["pendingTasksCount"])


def _pages(count: int) -> int:
    return -(-count // PAGE)


def _list(runtime: Runtime, **which: Any) -> list[str]:
    """Return the ARNs of the tasks `which`, in the parameters of ListTasks."""
    pages = runtime.ecs.get_paginator("list_tasks").paginate(**which, PaginationConfig={"PageSize": PAGE})
    return [arn for page in pages for arn in page["taskArns"]]


def _describe(runtime: Runtime, cluster: str, arns: Iterable[str]) -> list[TaskTypeDef]:
    answers = (runtime.ecs.describe_tasks(cluster=cluster, tasks=batch) for batch in batches(arns, TASKS_A_DESCRIBE))
    return [task for answer in answers for task in answer["tasks"]]


def with_stopping(
    runtime: Runtime, cluster: str, instances: Iterable[ContainerInstance], arns: Iterable[str]
) -> tuple[ContainerInstance, ...]:
    """Return `instances` with the tasks that are still stopping counted on those among them that `arns` name.

    ECS API: a task that was told to stop leaves `runningTasksCount` at once, while its containers still run. ListTasks
    with the desired status STOPPED lists it, and for about an hour after it has stopped, too. A container that never
    ends counts no longer than its stop timeout, and a grace, after ECS began to stop it.
    """

    def count(arn: str) -> int:
        listed = _list(runtime, cluster=cluster, containerInstance=arn, desiredStatus="STOPPED")
        return sum(_still_stops(runtime, task) for task in _describe(runtime, cluster, listed))

    wanted = sorted(set(arns))
    # A session makes its clients in one thread only: before the calls side by side.
    _ = runtime.ecs
    stopping = dict(zip(wanted, runtime.in_parallel(count, wanted), strict=True))
    return tuple(replace(i, task_count=i.task_count + stopping.get(i.arn, 0)) for i in instances)


def _still_stops(runtime: Runtime, task: TaskTypeDef) -> bool:
    status = task.get("lastStatus", "")
    if status in ("STOPPED", "DELETED"):
        return False
    begun = task.get("stoppingAt")
    if begun is None or status == "DEACTIVATING":
        # It leaves its load balancers first, and that always ends.
        return True
    timeout_s = _stop_timeout_s(runtime, task)
    waits_s = LEAVES_TARGETS_FOR_S if task.get("group", "").startswith("service:") else 0.0
    return runtime.now() < begun.timestamp() + waits_s + timeout_s + STOP_GRACE_S


def _stop_timeout_s(runtime: Runtime, task: TaskTypeDef) -> float:
    try:
        return read_task_definition(runtime, task["taskDefinitionArn"]).stop_timeout_s
    except (ClientError, BotoCoreError):
        return DEFAULT_STOP_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Stopped:
    """The tasks (ARNs) that were asked to stop, and how many calls ECS refused for another reason than its rate."""

    arns: frozenset[str] = frozenset()
    refused: int = 0


def stop_tasks(runtime: Runtime, cluster: str, stops: Sequence[Stop], reason: str, until: float) -> Stopped:
    """Make `stops` in their order, each not before its time, until the time `until` (seconds since the epoch).

    The calls keep to the pace of StopTask's bucket. A task that is gone counts as stopped. One whose call was
    throttled, or failed, does not: the next step stops it.
    """
    client = runtime.ecs_once
    pace = pace_of(runtime, STOP_BUCKET)

    def stop(one: Stop) -> tuple[str, bool]:
        if max(runtime.now(), one.at) >= until:
            return "", False
        if one.at > runtime.now():
            runtime.sleep(one.at - runtime.now())
        pace.wait_for_turn()
        try:
            client.stop_task(cluster=cluster, task=one.arn, reason=reason)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == THROTTLED:
                pace.rest()
                return "", False
            # "The referenced task was not found": it ended by itself, and ECS has forgotten it.
            if code != "InvalidParameterException":
                return _not_stopped(runtime, cluster, one, error)
        except BotoCoreError as error:
            return _not_stopped(runtime, cluster, one, error)
        return one.arn, False

    # At a latency of 0.3 s, ten calls side by side would not reach the rate that ECS allows.
    answers = runtime.in_parallel(stop, stops, at_once=STOPS_AT_ONCE)
    return Stopped(frozenset(arn for arn, _ in answers if arn), sum(refused for _, refused in answers))


def _not_stopped(runtime: Runtime, cluster: str, stop: Stop, error: Exception) -> tuple[str, bool]:
    runtime.telemetry.error(
        f"cluster {cluster}: task {stop.arn} was not stopped, the next step tries again: {error}", cluster=cluster
    )
    return "", True


def find_protected_tasks(runtime: Runtime, cluster: str, arns: Iterable[str]) -> set[str]:
    """Return those of the service tasks `arns` that are under scale-in protection now.

    If ECS does not answer, they count as unprotected: a notice leaves no time to ask again.
    """
    client = runtime.ecs_once

    def look(batch: Sequence[str]) -> list[str]:
        try:
            answer = client.get_task_protection(cluster=cluster, tasks=batch)
        except (ClientError, BotoCoreError) as error:
            runtime.telemetry.warning(
                f"cluster {cluster}: scale-in protection of {len(batch)} tasks is unknown, so that they may be stopped "
                f"before their deadline: {error}",
                cluster=cluster,
            )
            return []
        return [task["taskArn"] for task in answer["protectedTasks"] if task["protectionEnabled"]]

    answers = runtime.in_parallel(look, list(batches(arns, TASKS_A_PROTECTION)))
    return {arn for found in answers for arn in found}
