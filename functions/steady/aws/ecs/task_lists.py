"""Lists of tasks: by instance, by cluster or by family, whichever takes fewer calls or less time."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from steady.api_budget.limits import BUCKET_OF
from steady.aws.cache import Cache
from steady.aws.ecs.pages import PAGE
from steady.aws.pace import pace_of
from steady.aws.runtime import CONNECTIONS, Runtime, batches
from steady.cluster import ContainerInstance

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import DescribeTasksResponseTypeDef, TaskTypeDef

TASKS_A_DESCRIBE = 100
# What a full bucket lets through at once, less some calls for whatever else reads.
READ_BUCKET = replace(BUCKET_OF["ListTasks"], burst=BUCKET_OF["ListTasks"].burst - 20)
# The number of tasks of each cluster, by its name.
TASK_COUNTS = Cache[str, int](max_age_s=60.0)


def list_instances_of_service(runtime: Runtime, cluster: str, service: str) -> frozenset[str]:
    """Return the ARNs of the container instances on which tasks of `service` are."""
    tasks = describe_tasks(runtime, cluster, list_tasks(runtime, cluster=cluster, serviceName=service))
    return frozenset(task["containerInstanceArn"] for task in tasks if task.get("containerInstanceArn"))


def describe_tasks_on(runtime: Runtime, cluster: str, instances: Sequence[ContainerInstance]) -> list[TaskTypeDef]:
    """Return the tasks that ECS wants RUNNING on `instances`, listed by instance or by cluster: the fewer calls."""
    busy = [i for i in instances if i.task_count]
    if is_by_cluster_cheaper(runtime, cluster, busy):
        return described_on(runtime, cluster, busy, pages_of_tasks(runtime, cluster=cluster))
    return list_unknown(runtime, cluster, busy, (), [{"containerInstance": i.arn} for i in busy])


def described_on(
    runtime: Runtime, cluster: str, instances: Iterable[ContainerInstance], pages: Iterable[Sequence[str]]
) -> list[TaskTypeDef]:
    """Return the tasks of `pages` (ARNs) that run on `instances`. Each page is described while the next is listed."""
    client = runtime.ecs
    wanted = {i.arn for i in instances}

    def describe(page: Sequence[str]) -> DescribeTasksResponseTypeDef:
        wait_to_read(runtime)
        return client.describe_tasks(cluster=cluster, tasks=page)

    answers = runtime.in_parallel(describe, (page for page in pages if page))
    return [
        task
        for answer in answers
        for task in answer["tasks"]
        if task.get("containerInstanceArn") in wanted and task.get("lastStatus") != "STOPPED"
    ]


def list_unknown(
    runtime: Runtime,
    cluster: str,
    instances: Sequence[ContainerInstance],
    known: Iterable[TaskTypeDef],
    which: Sequence[Mapping[str, str]],
) -> list[TaskTypeDef]:
    """Return the tasks on `instances` that are not `known`, of those that each of `which` lists."""
    lists = runtime.in_parallel(lambda one: list_tasks(runtime, cluster=cluster, **one), which, at_once=CONNECTIONS)
    arns = {arn for found in lists for arn in found} - {task["taskArn"] for task in known}
    return described_on(runtime, cluster, instances, batches(sorted(arns), TASKS_A_DESCRIBE))


def calls_to_read(instances: Iterable[ContainerInstance]) -> int:
    """Return how many calls list and describe the tasks of `instances`, an instance at a time."""
    return _calls_to_read([i.task_count for i in instances])


def _calls_to_read(counts: Sequence[int]) -> int:
    return sum(count > 0 for count in counts) + pages_of(sum(counts))


def readable_within(instances: Sequence[ContainerInstance], calls: int) -> Sequence[ContainerInstance]:
    """Return the first of `instances`, as many as have their tasks listed and described in `calls` calls."""
    counts = [i.task_count for i in instances]
    most = bisect.bisect_right(range(len(counts)), calls, key=lambda last: _calls_to_read(counts[: last + 1]))
    return instances[:most]


def is_by_cluster_cheaper(runtime: Runtime, cluster: str, busy: Sequence[ContainerInstance]) -> bool:
    """Return whether a list of the whole cluster takes fewer calls than those of the `busy` instances."""
    if len(busy) <= 4:
        return False
    return are_many(runtime, cluster, len(busy), sum(i.task_count for i in busy))


def are_many(runtime: Runtime, cluster: str, instances: int, tasks: int) -> bool:
    """Return whether so many `tasks` on `instances` are found with fewer calls in a list of the whole cluster."""
    return 2 * pages_of(count_tasks(runtime, cluster)) < instances + pages_of(tasks)


def count_tasks(runtime: Runtime, cluster: str) -> int:
    """Return how many tasks run, or are about to, in the cluster; the count may be a minute old."""
    # The count only chooses between two ways to read the same tasks: an old count is good enough.
    kept = TASK_COUNTS.get(runtime, cluster)
    if kept is not None:
        return kept
    described = runtime.ecs.describe_clusters(clusters=[cluster])["clusters"][0]
    return TASK_COUNTS.keep(runtime, cluster, described["runningTasksCount"] + described["pendingTasksCount"])


def pages_of(count: int) -> int:
    """Return how many pages list `count` tasks."""
    return -(-count // PAGE)


def list_tasks(runtime: Runtime, **which: Any) -> list[str]:
    """Return the ARNs of the tasks `which`, in the parameters of ListTasks."""
    return [arn for page in pages_of_tasks(runtime, **which) for arn in page]


def pages_of_tasks(runtime: Runtime, **which: Any) -> Iterator[Sequence[str]]:
    """Yield the ARNs of the tasks `which`, in the parameters of ListTasks, page by page."""
    pages = iter(runtime.ecs.get_paginator("list_tasks").paginate(**which, PaginationConfig={"PageSize": PAGE}))
    more = True
    while more:
        wait_to_read(runtime)
        page = next(pages)
        yield page["taskArns"]
        more = bool(page.get("nextToken"))


def wait_to_read(runtime: Runtime) -> None:
    """Wait for the turn of a call that reads tasks: what ECS throttles comes seconds later."""
    pace_of(runtime, READ_BUCKET).wait_for_turn()


def describe_tasks(runtime: Runtime, cluster: str, arns: Iterable[str]) -> list[TaskTypeDef]:
    """Return the tasks `arns` as ECS describes them."""
    found = []
    for batch in batches(arns, TASKS_A_DESCRIBE):
        wait_to_read(runtime)
        found += runtime.ecs.describe_tasks(cluster=cluster, tasks=batch)["tasks"]
    return found
