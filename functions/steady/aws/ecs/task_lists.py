"""Lists of tasks: by instance, by cluster or by family, whichever takes fewer calls or less time."""

from __future__ import annotations

import bisect
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from steady.api_budget.limits import BUCKET_OF
from steady.arns import family_of
from steady.aws.cache import Cache
from steady.aws.ecs.lists import call_for_each, may_be_of_one, report_refused
from steady.aws.ecs.pages import PAGE
from steady.aws.runtime import CONNECTIONS, Runtime
from steady.cluster import ContainerInstance

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import DescribeTasksResponseTypeDef, TaskTypeDef

TASKS_A_DESCRIBE = 100
# The number of tasks of each cluster, by its name.
TASK_COUNTS = Cache[str, int](max_age_s=60.0)
# A cluster's list is left after so many pages if the others would take longer than this, in seconds.
FIRST_PAGES = 3
LIST_FOR_S = 5.0
# Instances of which tasks are missing then, and whose own lists are read at once.
INSTANCES_AT_A_TIME = 60
SOME_INSTANCES = 20


def list_instances_of_service(runtime: Runtime, cluster: str, service: str) -> frozenset[str]:
    """Return the ARNs of the container instances on which tasks of `service` are."""
    tasks = describe_tasks(runtime, cluster, list_tasks(runtime, cluster=cluster, serviceName=service))
    return frozenset(task["containerInstanceArn"] for task in tasks if task.get("containerInstanceArn"))


def describe_tasks_on(runtime: Runtime, cluster: str, instances: Sequence[ContainerInstance]) -> list[TaskTypeDef]:
    """Return the tasks that ECS wants RUNNING on `instances`, listed by instance or by cluster: the fewer calls.

    Raises:
        ClientError, BotoCoreError: if ECS refuses to list or to describe some of them.
    """
    reading = _Reading(runtime, cluster)
    busy = [i for i in instances if i.task_count]
    found = reading.by_cluster(busy) if _by_cluster_is_cheaper(runtime, cluster, busy) else reading.by_instance(busy)
    if reading.refused:
        raise next(iter(reading.refused.values()))
    return found


class TasksInTime(NamedTuple):
    """The tasks that were read, and the ARNs of the instances whose tasks were not all read, since it takes long.

    `refused` are the tasks (or lists, by the instance) that ECS refused to describe.
    """

    tasks: list[TaskTypeDef]
    unread: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()


def describe_tasks_in_time(
    runtime: Runtime,
    cluster: str,
    instances: Sequence[ContainerInstance],
    meanwhile: Callable[[Sequence[TaskTypeDef]], object] = lambda first: None,
) -> TasksInTime:
    """Return the tasks that ECS wants RUNNING on `instances`, or on the first of them if all would take long.

    The pages of a cluster's list come one after the other. Where that would take long, as far as the first pages tell,
    the families of the tasks on these pages are listed side by side. The tasks of other families are found on the
    instances of which tasks are missing, a part of them at a time. What ECS refuses is left out: an instance on which
    it counts more tasks than it describes is looked at again.

    Args:
        meanwhile: called with the tasks of the first pages, side by side with the calls for all others. The caller has
            made the clients that it uses.
    """
    reading = _Reading(runtime, cluster)
    busy = [i for i in instances if i.task_count]
    # A session makes its clients in one thread only: before the calls side by side.
    _ = runtime.ecs, runtime.ecs_once
    if _by_cluster_is_cheaper(runtime, cluster, busy):
        try:
            tasks, unread = reading.in_time(busy, meanwhile)
        except ClientError as error:
            if not may_be_of_one(error):
                raise
            runtime.telemetry.warning(f"cluster {cluster}: its tasks are listed by instance, not together: {error}")
            tasks, unread = reading.by_instance(busy), frozenset()
    else:
        tasks, unread = reading.by_instance(busy), frozenset()
    report_refused(
        runtime, cluster, "tasks could not be listed or described", reading.refused, "the next step tries again"
    )
    return TasksInTime(tasks, unread, frozenset(reading.refused))


class _Reading:
    """One reading of the tasks on instances of a cluster.

    Attributes:
        refused: why some could not be read, by the ARN of the task, or of what was to be listed.
    """

    def __init__(self, runtime: Runtime, cluster: str) -> None:
        self.runtime, self.cluster = runtime, cluster
        self.refused: dict[str, Exception] = {}

    def by_cluster(self, busy: Sequence[ContainerInstance]) -> list[TaskTypeDef]:
        return self._described(busy, _pages_of(self.runtime, cluster=self.cluster))

    def by_instance(self, busy: Sequence[ContainerInstance]) -> list[TaskTypeDef]:
        return self._unknown(busy, (), [{"containerInstance": i.arn} for i in busy])

    def in_time(
        self, busy: Sequence[ContainerInstance], meanwhile: Callable[[Sequence[TaskTypeDef]], object]
    ) -> tuple[list[TaskTypeDef], frozenset[str]]:
        runtime, began = self.runtime, self.runtime.now()
        pages = _pages_of(runtime, cluster=self.cluster)
        listed = list(itertools.islice(pages, FIRST_PAGES))
        tasks_in_all = _tasks_in(runtime, self.cluster) or sum(i.task_count for i in busy)
        left_s = (runtime.now() - began) / FIRST_PAGES * (_pages(tasks_in_all) - FIRST_PAGES)
        found = self._described(busy, listed)
        rest, _ = runtime.side_by_side(
            lambda: self._others(busy, pages, found, left_s), lambda: meanwhile(tuple(found))
        )
        return rest

    def _others(
        self,
        busy: Sequence[ContainerInstance],
        pages: Iterable[Sequence[str]],
        found: Sequence[TaskTypeDef],
        left_s: float,
    ) -> tuple[list[TaskTypeDef], frozenset[str]]:
        """Return what `in_time` does, once some were `found`; the other pages take `left_s` seconds."""
        families = Counter(family_of(task["taskDefinitionArn"]) for task in found)
        # As many tasks are of families that are not known as there are families with one task so far (Good-Turing).
        unknown = list(families.values()).count(1) / max(1, len(found)) * (sum(i.task_count for i in busy) - len(found))
        if left_s < LIST_FOR_S + (2 * len(families) + min(unknown, len(busy))) / BUCKET_OF["ListTasks"].refill_per_s:
            return [*found, *self._described(busy, pages)], frozenset()
        found = [*found, *self._unknown(busy, found, [{"family": family} for family in sorted(families)])]
        missing = _not_complete(busy, found)
        if len(missing) > INSTANCES_AT_A_TIME:
            # There are other families: those of the tasks on some of these instances.
            found += self._unknown(busy, found, [{"containerInstance": i.arn} for i in missing[:SOME_INSTANCES]])
            others = {family_of(task["taskDefinitionArn"]) for task in found} - families.keys()
            found += self._unknown(busy, found, [{"family": family} for family in sorted(others)])
            missing = _not_complete(busy, found)
        first = missing[:INSTANCES_AT_A_TIME]
        found += self._unknown(first, found, [{"containerInstance": i.arn} for i in first])
        unread = frozenset(i.arn for i in missing[INSTANCES_AT_A_TIME:])
        return [task for task in found if task["containerInstanceArn"] not in unread], unread

    def _described(self, instances: Iterable[ContainerInstance], pages: Iterable[Sequence[str]]) -> list[TaskTypeDef]:
        """Return the tasks of `pages` (ARNs) that are on `instances`. Each is described while the next is listed."""
        wanted = {i.arn for i in instances}
        return [
            task
            for task in self._describe(arn for page in pages for arn in page)
            if task.get("containerInstanceArn") in wanted and task.get("lastStatus") != "STOPPED"
        ]

    def _describe(self, arns: Iterable[str]) -> list[TaskTypeDef]:
        tasks, refused = describe_readable_tasks(self.runtime, self.cluster, arns)
        self.refused |= refused
        return tasks

    def _unknown(
        self,
        instances: Sequence[ContainerInstance],
        known: Iterable[TaskTypeDef],
        which: Sequence[Mapping[str, str]],
    ) -> list[TaskTypeDef]:
        """Return the tasks on `instances` that are not `known`, of those that each of `which` lists."""
        lists = self.runtime.in_parallel(self._list, which, at_once=CONNECTIONS)
        arns = {arn for found in lists for arn in found} - {task["taskArn"] for task in known}
        return self._described(instances, [sorted(arns)])

    def _list(self, one: Mapping[str, str]) -> list[str]:
        try:
            return list_tasks(self.runtime, cluster=self.cluster, **one)
        except (ClientError, BotoCoreError) as error:
            self.refused[next(iter(one.values()))] = error
            return []


def _not_complete(instances: Iterable[ContainerInstance], found: Iterable[TaskTypeDef]) -> Sequence[ContainerInstance]:
    counts = Counter(task["containerInstanceArn"] for task in found)
    return [i for i in instances if counts[i.arn] < i.task_count]


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
    # At least these are in the cluster.
    return 2 * _pages(_tasks_in(runtime, cluster) or here) < len(busy) + _pages(here)


def _tasks_in(runtime: Runtime, cluster: str) -> int:
    """Return how many tasks are in `cluster`; 0 if ECS does not say it. No error of AWS is raised."""
    # The count only chooses between two ways to read the same tasks: an old count is good enough, and so is none.
    kept = TASK_COUNTS.get(runtime, cluster)
    if kept is not None:
        return kept
    try:
        described = runtime.ecs_once.describe_clusters(clusters=[cluster])["clusters"]
    except (ClientError, BotoCoreError) as error:
        runtime.telemetry.warning(f"cluster {cluster}: the number of its tasks cannot be read: {error}")
        described = []
    counts = [one["runningTasksCount"] + one["pendingTasksCount"] for one in described]
    return TASK_COUNTS.keep(runtime, cluster, sum(counts))


def _pages(count: int) -> int:
    return -(-count // PAGE)


def list_tasks(runtime: Runtime, **which: Any) -> list[str]:
    """Return the ARNs of the tasks `which`, in the parameters of ListTasks."""
    return [arn for page in _pages_of(runtime, **which) for arn in page]


def _pages_of(runtime: Runtime, **which: Any) -> Iterator[Sequence[str]]:
    pages = runtime.ecs.get_paginator("list_tasks").paginate(**which, PaginationConfig={"PageSize": PAGE})
    return (page["taskArns"] for page in pages)


def describe_tasks(runtime: Runtime, cluster: str, arns: Iterable[str]) -> list[TaskTypeDef]:
    """Return the tasks `arns` as ECS describes them.

    Raises:
        ClientError, BotoCoreError: if ECS refuses to describe some of them.
    """
    tasks, refused = describe_readable_tasks(runtime, cluster, arns)
    if refused:
        raise next(iter(refused.values()))
    return tasks


def describe_readable_tasks(
    runtime: Runtime, cluster: str, arns: Iterable[str]
) -> tuple[list[TaskTypeDef], Mapping[str, Exception]]:
    """Return the tasks `arns` as ECS describes them, and why it refuses to describe the others, by ARN."""

    def describe(client: ECSClient, batch: Sequence[str]) -> DescribeTasksResponseTypeDef:
        return client.describe_tasks(cluster=cluster, tasks=batch)

    found = call_for_each(runtime, describe, arns, TASKS_A_DESCRIBE)
    return [task for answer in found.answers for task in answer["tasks"]], found.refused
