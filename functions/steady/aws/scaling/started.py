"""Count the tasks that have started on a cluster's instances since this process last looked at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from steady.aws.cache import Cache
from steady.aws.runtime import Runtime
from steady.cluster import Snapshot, Started


@dataclass(frozen=True, slots=True)
class Counted:
    """How many tasks each container instance had at a look, by ARN; and how many had started by then.

    Attributes:
        total: on all instances of the cluster.
        totals: on each pool of several, by the pool's name.
    """

    tasks: Mapping[str, int]
    total: float
    totals: Mapping[str, float]


# What this process counted last, by the cluster's name. A look after a longer time says little of what came meanwhile.
LAST_COUNTED = Cache[str, Counted](max_age_s=300.0)


def with_started(runtime: Runtime, snapshot: Snapshot) -> Snapshot:
    """Return `snapshot` with how many tasks have started since this process last looked at the cluster.

    ECS counts the tasks of an instance, and not how many have come. The increases of each instance are added up: a task
    that ends elsewhere at the same time hides none, as it would in the cluster's own count. Daemons start with their
    instance, and wait for nothing.
    """
    last = LAST_COUNTED.get(runtime, snapshot.cluster)
    if last is None:
        return snapshot
    daemons = snapshot.daemons.tasks_on(1)
    more = {i.arn: max(0, i.task_count - last.tasks.get(i.arn, daemons)) for i in snapshot.instances}
    return replace(snapshot, started=Started(sum(more.values()), last.total, more, last.totals))


def keep_started(runtime: Runtime, snapshot: Snapshot, total: float, totals: Mapping[str, float]) -> None:
    """Remember the tasks of each instance in `snapshot`, and that `total` tasks have started until then.

    Args:
        totals: how many have started on each pool of several, by the pool's name.
    """
    tasks = {i.arn: i.task_count for i in snapshot.instances}
    LAST_COUNTED.keep(runtime, snapshot.cluster, Counted(tasks, total, totals))
