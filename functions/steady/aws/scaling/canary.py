"""The first instance that renewal has brought: whether tasks fail on it that run elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from steady.aws.ecs.services import service_of
from steady.aws.ecs.task_lists import describe_tasks, list_tasks
from steady.aws.runtime import Runtime
from steady.aws.scaling.canary_targets import CanaryTargets, read_targets
from steady.cluster import Snapshot
from steady.scaling.renewal_round import baking_instance
from steady.scaling.state import ScalingState

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import TaskTypeDef

# One failure may be chance; ECS starts another task, which fails too if the instance is the cause.
FAILURES = 2
# ECS API, Task, `stopCode`: the task could not start, or a container ended that its task cannot do without.
FAILED = frozenset({"TaskFailedToStart", "EssentialContainerExited"})
# ECS Developer Guide, "Stopped tasks error codes": the scheduler has replaced an unhealthy task.
UNHEALTHY = ("failed ELB health checks", "failed container health checks")


def with_canary(runtime: Runtime, snapshot: Snapshot, state: ScalingState) -> Snapshot:
    """Return `snapshot` with what fails on the first new instance alone, while it bakes; some calls more.

    ECS describes a stopped task for an hour (ECS Developer Guide, "Viewing stopped tasks"). What cannot be read is
    said, and says nothing of the instance: the next look reads it.
    """
    new = baking_instance(snapshot, state)
    if new is None:
        return snapshot
    try:
        counts = _failed(runtime, snapshot.cluster, containerInstance=new.arn)
        blamed = sorted(name for name, times in counts.items() if times >= FAILURES)
        guilty = [name for name in blamed if not _fails_elsewhere(runtime, snapshot, name, new.arn)]
    except Exception as error:
        _say_unread(runtime, snapshot, f"whether tasks fail on the new instance {new.instance_id}", error)
        return snapshot
    try:
        of_targets = read_targets(runtime, snapshot.cluster, new)
    except Exception as error:
        _say_unread(runtime, snapshot, f"whether targets are healthy on the new instance {new.instance_id}", error)
        of_targets = CanaryTargets()
    found = [f"{counts[name]} tasks of service {name} have failed" for name in guilty]
    found += [f"{count} targets of service {name} are unhealthy" for name, count in of_targets.unhealthy.items()]
    snapshot = replace(snapshot, canary_waits=", ".join(sorted(of_targets.not_yet_healthy)))
    if not found:
        return snapshot
    where = f"on the new instance {new.instance_id} ({snapshot.pool.launches}) and not elsewhere"
    return replace(snapshot, canary_failure=f"{', '.join(found)} {where}")


def _say_unread(runtime: Runtime, snapshot: Snapshot, what: str, error: Exception) -> None:
    runtime.telemetry.warning(
        f"cluster {snapshot.cluster}: {what} cannot be read; the next look tries again: {error}",
        cluster=snapshot.cluster,
    )


def _fails_elsewhere(runtime: Runtime, snapshot: Snapshot, service: str, new: str) -> bool:
    """Whether tasks of the service have failed on other instances too, or it has none that run there."""
    if _failed(runtime, snapshot.cluster, serviceName=service, besides=new):
        return True
    running = list_tasks(runtime, cluster=snapshot.cluster, serviceName=service)
    return all(
        task.get("containerInstanceArn") == new or task.get("lastStatus") != "RUNNING"
        for task in describe_tasks(runtime, snapshot.cluster, running)
    )


def _failed(runtime: Runtime, cluster: str, besides: str = "", **of: Any) -> Counter[str]:
    """Count the failed tasks of each service, of those that ListTasks lists with the filter `of`."""
    stopped = list_tasks(runtime, cluster=cluster, desiredStatus="STOPPED", **of)
    tasks: Iterable[TaskTypeDef] = describe_tasks(runtime, cluster, stopped)
    failed = (task for task in tasks if _has_failed(task) and task.get("containerInstanceArn") != besides)
    return Counter(name for task in failed if (name := service_of(task)))


def _has_failed(task: TaskTypeDef) -> bool:
    reason = task.get("stoppedReason", "")
    return task.get("stopCode", "") in FAILED or any(words in reason for words in UNHEALTHY)
