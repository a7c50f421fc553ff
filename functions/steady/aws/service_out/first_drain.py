"""Drain instances that were just noticed; those that their pool has registered leave its target groups first.

ECS stops the daemons of a draining instance as soon as no other task is left on it, and it does not know of targets
that a pool has registered. So an instance with few tasks is drained only once the requests to its daemon have ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from steady.aws.runtime import Runtime
from steady.aws.service_out.leaving import drain_seconds
from steady.aws.service_out.pool_targets import leave_pool
from steady.aws.service_out.reading import drain_instances
from steady.cluster import ContainerInstance, InstanceStatus
from steady.service_out.doomed import Doomed

# With more tasks than this, an instance is not empty but for its daemons before their requests have ended.
FEW_TASKS = 5
# An instance that ends sooner than this is drained at once.
TIME_TO_WAIT_S = 90.0


def drain_fresh(
    runtime: Runtime, cluster: str, fresh: Sequence[Doomed], described: Sequence[ContainerInstance]
) -> tuple[list[Doomed], list[ContainerInstance]]:
    """Drain the container instances of `fresh`, but for those that first leave the target groups of their pool.

    Args:
        described: the container instances that this step has read already.

    Returns:
        The instances of `fresh` with what was done, and the container instances that were drained.
    """
    few = {i.arn for i in described if i.status is InstanceStatus.ACTIVE and 0 < i.task_count <= FEW_TASKS}
    may_wait = [d for d in fresh if d.container_instance_arn in few and _has_time(d, runtime.now())]
    at_once = [d for d in fresh if d not in may_wait]
    # Those that ECS refuses to describe are looked at once more by the look.
    drained = [*drain_instances(runtime, cluster, at_once, described).instances]
    if not may_wait:
        return at_once, drained
    left = leave_pool(runtime, cluster, may_wait)
    if any(d.pool_left_at for d in left):
        drain_s = drain_seconds(runtime, cluster)
        left = [replace(d, drain_from=d.pool_left_at + drain_s) if d.pool_left_at else d for d in left]
    drained += drain_instances(runtime, cluster, _not_waiting(left, runtime.now()), described).instances
    return [*at_once, *left], drained


def _has_time(instance: Doomed, now: float) -> bool:
    # Under a hook, Auto Scaling has deregistered the instance before.
    return not instance.hooks and not instance.gone and instance.deadline_s - now >= TIME_TO_WAIT_S


def _not_waiting(doomed: Iterable[Doomed], now: float) -> list[Doomed]:
    return [d for d in doomed if d.drain_from <= now]
