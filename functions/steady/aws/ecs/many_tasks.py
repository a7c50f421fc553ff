"""The tasks of a large part of a cluster, in as little time as can be: by pages and by families side by side."""

from __future__ import annotations

import itertools
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from steady.api_budget.limits import BUCKET_OF
from steady.arns import family_of
from steady.aws.ecs.lists import may_be_of_one, report_refused
from steady.aws.ecs.pages import PAGE
from steady.aws.ecs.task_lists import (
    TASKS_A_DESCRIBE,
    Reading,
    count_tasks,
    describe_readable_tasks,
    is_by_cluster_cheaper,
    list_tasks,
    pages_of_tasks,
)
from steady.aws.runtime import CONNECTIONS, Runtime, batches
from steady.cluster import ContainerInstance

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import TaskTypeDef

# The families on so many pages are listed if the other pages would take longer than this, in seconds, and longer than
# the rate of the ECS API takes for so many families.
FIRST_PAGES = 3
LIST_FOR_S = 3.0
# Calls that read tasks and are let through at once, less some for what else reads.
LISTS_AT_ONCE = BUCKET_OF["ListTasks"].burst - 40
# Instances of which tasks are missing then, and whose own lists are read at once.
INSTANCES_AT_A_TIME = 60
SOME_INSTANCES = 20


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
    known: Known | None = None,
) -> TasksInTime:
    """Return the tasks that ECS wants RUNNING on `instances`, or on the first of them if all would take long.

    ECS has counted the tasks of an instance when it was drained. If fewer were found, the instance's own list is read,
    of a part of these instances at a time. What ECS refuses is left out: an instance on which it counts more tasks than
    it describes is looked at again.

    Args:
        meanwhile: called with the first tasks, side by side with the calls for all others. The caller has made the
            clients that it uses.
        known: the tasks that were found a moment ago, before the drain of some of `instances`.
    """
    reading = Reading(runtime, cluster)
    busy = [i for i in instances if i.task_count]
    # A session makes its clients in one thread only: before the calls side by side.
    _ = runtime.ecs, runtime.ecs_once
    unread = frozenset[str]()
    if is_by_cluster_cheaper(runtime, cluster, busy):
        try:
            tasks, unread = _with_missing(reading, busy, _found(reading, busy, meanwhile, known))
        except Exception as error:
            if not may_be_of_one(error):
                raise
            runtime.telemetry.warning(f"cluster {cluster}: its tasks are listed by instance, not together: {error}")
            tasks = reading.by_instance(busy)
    else:
        tasks = reading.by_instance(busy)
    report_refused(
        runtime, cluster, "tasks could not be listed or described", reading.refused, "the next step tries again"
    )
    return TasksInTime(tasks, unread, frozenset(reading.refused))


def _found(
    reading: Reading,
    busy: Sequence[ContainerInstance],
    meanwhile: Callable[[Sequence[TaskTypeDef]], object],
    known: Known | None,
) -> list[TaskTypeDef]:
    """Return nearly all tasks on the `busy` instances."""
    runtime, cluster = reading.runtime, reading.cluster
    if known:
        fresh = [task for task in known.tasks if task["lastStatus"] != "STOPPED"]
        others, _ = runtime.side_by_side(
            lambda: reading.described(busy, [known.others]), lambda: meanwhile(tuple(fresh))
        )
        return [*fresh, *others]
    here = {i.arn for i in busy}
    found: list[TaskTypeDef] = []

    def note(described: Sequence[TaskTypeDef], _: float) -> None:
        found.extend(t for t in described if t.get("containerInstanceArn") in here and t["lastStatus"] != "STOPPED")

    reading.refused |= describe_all(runtime, cluster, note, meanwhile=lambda: meanwhile(tuple(found)))
    return found


def describe_all(
    runtime: Runtime,
    cluster: str,
    found: Callable[[Sequence[TaskTypeDef], float], object],
    goes_on: Callable[[], bool] = lambda: True,
    meanwhile: Callable[[], object] = lambda: None,
) -> Mapping[str, Exception]:
    """List and describe the tasks of a cluster for as long as `goes_on`; return why others are not described, by ARN.

    The pages of a cluster's list come one after the other. Where that would take long, as far as the first pages tell,
    the families of the tasks that are found are listed beside them. The caller has made the clients.

    Args:
        found: called with the tasks of each description, and the time before it, by several threads.
        meanwhile: called once the tasks of the first pages were found, side by side with the calls for all others.
    """
    tasks = count_tasks(runtime, cluster) or math.inf
    pages, began = pages_of_tasks(runtime, cluster=cluster), runtime.now()
    listing = _Listing(runtime, cluster, found, goes_on)
    first = list(itertools.islice(pages, FIRST_PAGES))
    left_s = (runtime.now() - began) / FIRST_PAGES * ((tasks / PAGE) - FIRST_PAGES)
    runtime.in_parallel(listing.describe_page, first)
    by_family = left_s >= listing.families_take_s()

    def look(page: Sequence[str]) -> None:
        listing.describe_page(page)
        if by_family:
            listing.list_families()

    def list_rest() -> None:
        rest = itertools.takewhile(lambda _: goes_on() and len(listing.listed) < tasks, pages)
        runtime.side_by_side(
            lambda: listing.list_families() if by_family else None, lambda: runtime.in_parallel(look, rest)
        )
        listing.describe_rest()

    runtime.side_by_side(list_rest, meanwhile)
    return listing.refused


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the tasks of instances that were being drained.

    Attributes:
        tasks: those that were described after the drain of their instances.
        others: the ARNs of those that were described before it, and may have ended since.
        protection: whether each of these service tasks is protected, by ARN, as far as it is known.
    """

    tasks: Sequence[TaskTypeDef] = ()
    others: Sequence[str] = ()
    protection: Mapping[str, bool] = field(default_factory=dict)


@dataclass
class _Listing:
    """A list of the tasks of a cluster, by pages and by families. Threads share it.

    Attributes:
        listed: the ARNs of the tasks.
        families: how many of the described tasks are of each family.
        refused: why others were not described, by ARN.
    """

    runtime: Runtime
    cluster: str
    found: Callable[[Sequence[TaskTypeDef], float], object]
    goes_on: Callable[[], bool]
    listed: set[str] = field(default_factory=set)
    families: Counter[str] = field(default_factory=Counter)
    refused: dict[str, Exception] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)
    _waiting: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def describe_page(self, page: Sequence[str]) -> None:
        """Describe the tasks of `page` that were not described."""
        self._describe(self._new(page))

    def families_take_s(self) -> float:
        """Return how long it takes to list the tasks of all families, and to describe them."""
        counts = Counter(self.families.values())
        # How many families were not seen yet is told by those that were seen once, and twice (Chao's estimator).
        unseen = counts[1] * (counts[1] - 1) / (2 * (counts[2] + 1))
        calls = 2 * (len(self.families) + unseen)
        return LIST_FOR_S + max(0.0, calls - LISTS_AT_ONCE) / BUCKET_OF["ListTasks"].refill_per_s

    def list_families(self) -> None:
        """List the tasks of the families that were found and were not listed, and describe most of them."""
        with self._lock:
            families = sorted(self.families.keys() - self._asked)
            self._asked.update(families)
        self.runtime.in_parallel(self._list_family, families, at_once=CONNECTIONS)

    def describe_rest(self) -> None:
        """Describe the tasks that were listed by family and are left."""
        self.runtime.in_parallel(self._describe, batches(self._waiting, TASKS_A_DESCRIBE))

    def _list_family(self, family: str) -> None:
        if self.goes_on():
            arns = self._new(list_tasks(self.runtime, cluster=self.cluster, family=family))
            with self._lock:
                self._waiting += arns
                whole = len(self._waiting) // TASKS_A_DESCRIBE * TASKS_A_DESCRIBE
                batch, self._waiting = self._waiting[:whole], self._waiting[whole:]
            # As soon as enough are known: a slow list delays no other.
            for some in batches(batch, TASKS_A_DESCRIBE):
                self._describe(some)

    def _new(self, arns: Iterable[str]) -> list[str]:
        with self._lock:
            new = [arn for arn in arns if arn not in self.listed]
            self.listed.update(new)
        return new

    def _describe(self, arns: Sequence[str]) -> None:
        if arns and self.goes_on():
            asked_at = self.runtime.now()
            tasks, refused = describe_readable_tasks(self.runtime, self.cluster, arns)
            with self._lock:
                self.families.update(_families_of(tasks))
                self.refused.update(refused)
            self.found(tasks, asked_at)


def _with_missing(
    reading: Reading, busy: Sequence[ContainerInstance], found: list[TaskTypeDef]
) -> tuple[list[TaskTypeDef], frozenset[str]]:
    """Return `found` with the tasks that are missing, and the instances of which too many are."""
    missing = _not_complete(busy, found)
    if len(missing) > INSTANCES_AT_A_TIME:
        families = _families_of(found).keys()
        # There are other families: those of the tasks on some of these instances.
        found += reading.unknown(busy, found, [{"containerInstance": i.arn} for i in missing[:SOME_INSTANCES]])
        others = _families_of(found).keys() - families
        found += reading.unknown(busy, found, [{"family": family} for family in sorted(others)])
        missing = _not_complete(busy, found)
    first = missing[:INSTANCES_AT_A_TIME]
    found += reading.unknown(first, found, [{"containerInstance": i.arn} for i in first])
    unread = frozenset(i.arn for i in missing[INSTANCES_AT_A_TIME:])
    return [task for task in found if task["containerInstanceArn"] not in unread], unread


def _not_complete(instances: Iterable[ContainerInstance], found: Iterable[TaskTypeDef]) -> Sequence[ContainerInstance]:
    counts = Counter(task["containerInstanceArn"] for task in found)
    return [i for i in instances if counts[i.arn] < i.task_count]


def _families_of(tasks: Iterable[TaskTypeDef]) -> Counter[str]:
    return Counter(family_of(task["taskDefinitionArn"]) for task in tasks)
