"""Lists of tasks: by instance, by cluster or by family, whichever takes fewer calls or less time."""

from __future__ import annotations

import bisect
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steady.api_budget.limits import BUCKET_OF
from steady.arns import family_of
from steady.aws.cache import Cache
from steady.aws.ecs.pages import PAGE
from steady.aws.runtime import CONNECTIONS, Runtime, batches
from steady.cluster import ContainerInstance

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import TaskTypeDef

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
    """Return the tasks that ECS wants RUNNING on `instances`, listed by instance or by cluster: the fewer calls."""
    busy = [i for i in instances if i.task_count]
    if _by_cluster_is_cheaper(runtime, cluster, busy):
        return _described(runtime, cluster, busy, _pages_of(runtime, cluster=cluster))
    return _unknown(runtime, cluster, busy, (), [{"containerInstance": i.arn} for i in busy])


def describe_tasks_in_time(
    runtime: Runtime,
    cluster: str,
    instances: Sequence[ContainerInstance],
    meanwhile: Callable[[Sequence[TaskTypeDef]], object] = lambda first: None,
) -> tuple[list[TaskTypeDef], frozenset[str]]:
    """Return the tasks that ECS wants RUNNING on `instances`, or on the first of them if all would take long.

    The pages of a cluster's list come one after the other. Where that would take long, as far as the first pages tell,
    the families of the tasks on these pages are listed side by side. The tasks of other families are found on the
    instances of which tasks are missing, a part of them at a time.

    Args:
        meanwhile: called with the tasks of the first pages, side by side with the calls for all others. The caller has
            made the clients that it uses.

    Returns:
        The tasks, and the ARNs of the instances whose tasks were not all read.
    """
    busy = [i for i in instances if i.task_count]
    if not _by_cluster_is_cheaper(runtime, cluster, busy):
        return describe_tasks_on(runtime, cluster, busy), frozenset()
    pages, began = _pages_of(runtime, cluster=cluster), runtime.now()
    listed = list(itertools.islice(pages, FIRST_PAGES))
    left_s = (runtime.now() - began) / FIRST_PAGES * (_pages(_tasks_in(runtime, cluster)) - FIRST_PAGES)
    found = _described(runtime, cluster, busy, listed)
    _ = runtime.ecs
    rest, _ = runtime.side_by_side(
        lambda: _others(runtime, cluster, busy, pages, found, left_s), lambda: meanwhile(tuple(found))
    )
    return rest


def _others(
    runtime: Runtime,
    cluster: str,
    busy: Sequence[ContainerInstance],
    pages: Iterable[Sequence[str]],
    found: Sequence[TaskTypeDef],
    left_s: float,
) -> tuple[list[TaskTypeDef], frozenset[str]]:
    """Return what `describe_tasks_in_time` does, once some were `found`; the other pages take `left_s` seconds."""
    families = Counter(family_of(task["taskDefinitionArn"]) for task in found)
    # As many tasks are of families that are not known as there are families with one task so far (Good-Turing).
    unknown = list(families.values()).count(1) / max(1, len(found)) * (sum(i.task_count for i in busy) - len(found))
    if left_s < LIST_FOR_S + (2 * len(families) + min(unknown, len(busy))) / BUCKET_OF["ListTasks"].refill_per_s:
        return [*found, *_described(runtime, cluster, busy, pages)], frozenset()
    found = [*found, *_unknown(runtime, cluster, busy, found, [{"family": family} for family in sorted(families)])]
    missing = _not_complete(busy, found)
    if len(missing) > INSTANCES_AT_A_TIME:
        # There are other families: those of the tasks on some of these instances.
        found += _unknown(
            runtime, cluster, busy, found, [{"containerInstance": i.arn} for i in missing[:SOME_INSTANCES]]
        )
        others = {family_of(task["taskDefinitionArn"]) for task in found} - families.keys()
        found += _unknown(runtime, cluster, busy, found, [{"family": family} for family in sorted(others)])
        missing = _not_complete(busy, found)
    first = missing[:INSTANCES_AT_A_TIME]
    found += _unknown(runtime, cluster, first, found, [{"containerInstance": i.arn} for i in first])
    unread = frozenset(i.arn for i in missing[INSTANCES_AT_A_TIME:])
    return [task for task in found if task["containerInstanceArn"] not in unread], unread


def _described(
    runtime: Runtime, cluster: str, instances: Iterable[ContainerInstance], pages: Iterable[Sequence[str]]
) -> list[TaskTypeDef]:
    """Return the tasks of `pages` (ARNs) that are on `instances`. Each page is described while the next is listed."""
    client = runtime.ecs
    wanted = {i.arn for i in instances}
    answers = runtime.in_parallel(
        lambda page: client.describe_tasks(cluster=cluster, tasks=page), (page for page in pages if page)
    )
    return [
        task
        for answer in answers
        for task in answer["tasks"]
        if task.get("containerInstanceArn") in wanted and task.get("lastStatus") != "STOPPED"
    ]


def _unknown(
    runtime: Runtime,
    cluster: str,
    instances: Sequence[ContainerInstance],
    known: Iterable[TaskTypeDef],
    which: Sequence[Mapping[str, str]],
) -> list[TaskTypeDef]:
    """Return the tasks on `instances` that are not `known`, of those that each of `which` lists."""
    lists = runtime.in_parallel(lambda one: list_tasks(runtime, cluster=cluster, **one), which, at_once=CONNECTIONS)
    arns = {arn for found in lists for arn in found} - {task["taskArn"] for task in known}
    return _described(runtime, cluster, instances, batches(sorted(arns), TASKS_A_DESCRIBE))


def _not_complete(instances: Iterable[ContainerInstance], found: Iterable[TaskTypeDef]) -> Sequence[ContainerInstance]:
    counts = Counter(task["containerInstanceArn"] for task in found)
    return [i for i in instances if counts[i.arn] < i.task_count]


def calls_to_read(instances: Iterable[ContainerInstance]) -> int:
    """Return how many calls list and describe the tasks of `instances`, and read their protection."""
    return _calls_to_read([i.task_count for i in instances])


def _calls_to_read(counts: Sequence[int]) -> int:
    # GetTaskProtection takes as many tasks as DescribeTasks does.
    return sum(count > 0 for count in counts) + 2 * _pages(sum(counts))


def readable_within(instances: Sequence[ContainerInstance], calls: int) -> Sequence[ContainerInstance]:
    """Return the first of `instances`, as many as have their tasks read in `calls` calls."""
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


def list_tasks(runtime: Runtime, **which: Any) -> list[str]:
    """Return the ARNs of the tasks `which`, in the parameters of ListTasks."""
    return [arn for page in _pages_of(runtime, **which) for arn in page]


def _pages_of(runtime: Runtime, **which: Any) -> Iterator[Sequence[str]]:
    pages = runtime.ecs.get_paginator("list_tasks").paginate(**which, PaginationConfig={"PageSize": PAGE})
    return (page["taskArns"] for page in pages)


def describe_tasks(runtime: Runtime, cluster: str, arns: Iterable[str]) -> list[TaskTypeDef]:
    """Return the tasks `arns` as ECS describes them."""
    answers = (runtime.ecs.describe_tasks(cluster=cluster, tasks=batch) for batch in batches(arns, TASKS_A_DESCRIBE))
    return [task for answer in answers for task in answer["tasks"]]
