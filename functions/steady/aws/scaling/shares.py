"""Services whose capacity provider strategy gives a part of their tasks to other pools: which of them lacks what."""

from __future__ import annotations

from dataclasses import replace

from steady.aws.capacity.providers import Providers
from steady.aws.ecs.task_lists import describe_tasks, list_tasks
from steady.aws.runtime import Runtime
from steady.cluster import Service, Snapshot

# Each takes two calls or more. For more services, the share of what runs is taken to be as the strategy says.
SERVICES_A_LOOK = 10


def with_shares(runtime: Runtime, snapshot: Snapshot, providers: Providers) -> Snapshot:
    """Return `snapshot` with how many of the tasks that shared services lack go to other pools.

    ECS chooses the capacity provider of each task (ECS API, Task: `capacityProviderName`). So the pool lacks what the
    strategy gives it of all tasks, less those that it has.
    """
    lacking = [s for s in snapshot.services if s.shared and s.missing]
    if not lacking:
        return snapshot
    counted = {s.name: _tasks_here(runtime, snapshot.cluster, s, providers) for s in lacking[:SERVICES_A_LOOK]}
    services = []
    for s in snapshot.services:
        if not s.shared or not s.missing:
            services.append(s)
            continue
        ours, alive = providers.ours(s.shared.providers), s.running + s.pending
        known = counted.get(s.name)
        here = s.shared.share(alive, ours) if known is None else known
        lacks = max(0, s.shared.share(alive + s.missing, ours) - here)
        services.append(replace(s, elsewhere=max(0, s.missing - lacks)))
    return replace(snapshot, services=tuple(services))


def _tasks_here(runtime: Runtime, cluster: str, service: Service, providers: Providers) -> int | None:
    """Return how many tasks of `service` the pool has; None, and a warning, if ECS does not say."""
    try:
        tasks = describe_tasks(runtime, cluster, list_tasks(runtime, cluster=cluster, serviceName=service.name))
    except Exception as error:
        runtime.telemetry.warning(
            f"cluster {cluster}: which capacity providers have the tasks of service {service.name} cannot be read, so "
            f"they are taken to be as its strategy says: {error}",
            cluster=cluster,
        )
        return None
    named = [task.get("capacityProviderName", "") for task in tasks]
    ours = providers.ours({name for name in named if name})
    return sum(name in ours for name in named)
