"""Tasks of services on draining instances, whose replacements ECS cannot place."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from steady.aws.ecs.task_lists import describe_tasks, list_tasks
from steady.aws.runtime import Runtime
from steady.cluster import InstanceStatus, Snapshot

# Each takes two calls or more. Of more services, the others are read at a later look: an event stands for minutes.
SERVICES_A_LOOK = 10


def with_displaced(runtime: Runtime, snapshot: Snapshot, failed: Collection[str]) -> Snapshot:
    """Return `snapshot` with how many tasks of the services `failed` are on draining instances.

    ECS API, UpdateContainerInstancesState: replacements start before the tasks of a draining instance are stopped. So
    such a service lacks nothing by its counts. That ECS has no place for a replacement, its event says.
    """
    draining = {i.arn for i in snapshot.instances if i.status is InstanceStatus.DRAINING}
    if not draining:
        return snapshot
    asked = [s.name for s in snapshot.services if s.name in failed and s.startable and not s.missing][:SERVICES_A_LOOK]
    counts = {}
    for name in asked:
        tasks = describe_tasks(
            runtime, snapshot.cluster, list_tasks(runtime, cluster=snapshot.cluster, serviceName=name)
        )
        counts[name] = sum(task.get("containerInstanceArn") in draining for task in tasks)
    services = tuple(replace(s, displaced=counts.get(s.name, 0)) for s in snapshot.services)
    return replace(snapshot, services=services) if counts else snapshot
