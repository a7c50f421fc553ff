"""Lists of tasks: by instance, by cluster or by family, whichever takes fewer calls or less time."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from steady.api_budget.limits import BUCKET_OF
from steady.aws.cache import Cache
from steady.aws.ecs.lists import call_for_each, raise_refused
from steady.aws.ecs.pages import PAGE
from steady.aws.pace import pace_of
from steady.aws.runtime import CONNECTIONS, Runtime
from steady.cluster import ContainerInstance

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
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
    """Return the tasks that ECS wants RUNNING on `instances`, listed by instance or by cluster: the fewer calls.

    Raises:
        ClientError, BotoCoreError: if ECS refuses to list or to describe some of them.
    """
    reading = Reading(runtime, cluster)
    busy = [i for i in instances if i.task_count]
    found = reading.by_cluster(busy) if is_by_cluster_cheaper(runtime, cluster, busy) else reading.by_instance(busy)
    raise_refused(reading.refused)
    return found


class Reading:
    """One reading of the tasks on instances of a cluster.

    Attributes:
        refused: why some could not be read, by the ARN of the task, or of what was to be listed.
    """

    def __init__(self, runtime: Runtime, cluster: str) -> None:
        self.runtime, self.cluster = runtime, cluster
        self.refused: dict[str, Exception] = {}

    def by_cluster(self, busy: Sequence[ContainerInstance]) -> list[TaskTypeDef]:
        """Return the tasks on the `busy` instances, found in a list of the whole cluster."""
        return self.described(busy, pages_of_tasks(self.runtime, cluster=self.cluster))

    def by_instance(self, busy: Sequence[ContainerInstance]) -> list[TaskTypeDef]:
        """Return the tasks on the `busy` instances, listed one by one."""
        return self.unknown(busy, (), [{"containerInstance": i.arn} for i in busy])

    def described(self, instances: Iterable[ContainerInstance], pages: Iterable[Sequence[str]]) -> list[TaskTypeDef]:
        """Return the tasks of `pages` (ARNs) that are on `instances`. Each is described while the next is listed."""
        wanted = {i.arn for i in instances}
        return [
            task
            for task in self.describe(arn for page in pages for arn in page)
            if task.get("containerInstanceArn") in wanted and task.get("lastStatus") != "STOPPED"
        ]

    def describe(self, arns: Iterable[str]) -> list[TaskTypeDef]:
        """Return the tasks `arns`; those that ECS refuses to describe are noted."""
        tasks, refused = describe_readable_tasks(self.runtime, self.cluster, arns)
        self.refused |= refused
        return tasks

    def unknown(
        self,
        instances: Sequence[ContainerInstance],
        known: Iterable[TaskTypeDef],
        which: Sequence[Mapping[str, str]],
    ) -> list[TaskTypeDef]:
        """Return the tasks on `instances` that are not `known`, of those that each of `which` lists."""
        lists = self.runtime.in_parallel(self._list, which, at_once=CONNECTIONS)
        arns = {arn for found in lists for arn in found} - {task["taskArn"] for task in known}
        return self.described(instances, [sorted(arns)])

    def _list(self, one: Mapping[str, str]) -> list[str]:
        try:
            return list_tasks(self.runtime, cluster=self.cluster, **one)
        except Exception as error:
            self.refused[next(iter(one.values()))] = error
            return []


def calls_to_read(instances: Iterable[ContainerInstance]) -> int:
    """Return how many calls list and describe the tasks of `instances`, and read their protection."""
    return _calls_to_read([i.task_count for i in instances])


def _calls_to_read(counts: Sequence[int]) -> int:
    # GetTaskProtection takes as many tasks as DescribeTasks does.
    return sum(count > 0 for count in counts) + 2 * pages_of(sum(counts))


def readable_within(instances: Sequence[ContainerInstance], calls: int) -> Sequence[ContainerInstance]:
    """Return the first of `instances`, as many as have their tasks read in `calls` calls."""
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
    # At least these are in the cluster.
    return 2 * pages_of(count_tasks(runtime, cluster) or tasks) < instances + pages_of(tasks)


def count_tasks(runtime: Runtime, cluster: str) -> int:
    """Return how many tasks are in `cluster`; 0 if ECS does not say it. No error of AWS is raised."""
    # The count only chooses between two ways to read the same tasks: an old count is good enough, and so is none.
    kept = TASK_COUNTS.get(runtime, cluster)
    if kept is not None:
        return kept
    try:
        described = runtime.ecs_once.describe_clusters(clusters=[cluster])["clusters"]
    except Exception as error:
        runtime.telemetry.warning(f"cluster {cluster}: the number of its tasks cannot be read: {error}")
        described = []
    counts = [one["runningTasksCount"] + one["pendingTasksCount"] for one in described]
    return TASK_COUNTS.keep(runtime, cluster, sum(counts))


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
    """Return the tasks `arns` as ECS describes them.

    Raises:
        ClientError, BotoCoreError: if ECS refuses to describe some of them.
    """
    tasks, refused = describe_readable_tasks(runtime, cluster, arns)
    raise_refused(refused)
    return tasks


def describe_readable_tasks(
    runtime: Runtime, cluster: str, arns: Iterable[str]
) -> tuple[list[TaskTypeDef], Mapping[str, Exception]]:
    """Return the tasks `arns` as ECS describes them, and why it refuses to describe the others, by ARN."""

    def describe(client: ECSClient, batch: Sequence[str]) -> DescribeTasksResponseTypeDef:
        wait_to_read(runtime)
        return client.describe_tasks(cluster=cluster, tasks=batch)

    found = call_for_each(runtime, describe, arns, TASKS_A_DESCRIBE)
    return [task for answer in found.answers for task in answer["tasks"]], found.refused
