"""Services whose capacity provider strategy gives a part of their tasks to other pools: which of them lacks what."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from steady.aws.capacity.providers import Providers
from steady.aws.ecs.task_lists import describe_tasks, list_tasks
from steady.aws.runtime import Runtime
from steady.cluster import Service, Snapshot

# Each takes two calls or more. For more services, the share of what runs is taken to be as the strategy says.
SERVICES_A_LOOK = 10


def with_shares(runtime: Runtime, snapshot: Snapshot, providers: Providers) -> Snapshot:
    """Return `snapshot` with how many of the tasks that shared services lack go to other pools.

    ECS chooses the capacity provider of each task (ECS API, Task: `capacityProviderName`). So a pool lacks what the
    strategy gives it of all tasks, less those that it has.
    """
    pools = snapshot.pools or {"": snapshot.pool}
    lacking = [s for s in snapshot.services if s.shared and s.missing]
    if not lacking:
        return snapshot
    counted = {s.name: _counted(runtime, snapshot.cluster, s) for s in lacking[:SERVICES_A_LOOK]}
    services = []
    for s in snapshot.services:
        if not s.shared or not s.missing:
            services.append(s)
            continue
        alive, known = s.running + s.pending, counted.get(s.name)
        lacks = {}
        for name, pool in pools.items():
            ours = providers.of_pool(pool.name) & s.shared.providers
            here = s.shared.share(alive, ours) if known is None else sum(known[provider] for provider in ours)
            lacks[name] = max(0, s.shared.share(alive + s.missing, ours) - here)
        services.append(replace(s, elsewhere=max(0, s.missing - sum(lacks.values())), lacks=lacks))
    return replace(snapshot, services=tuple(services))


def _counted(runtime: Runtime, cluster: str, service: Service) -> Counter[str] | None:
    """Return how many tasks of `service` each capacity provider has; None, and a warning, if ECS does not say."""
    try:
        tasks = describe_tasks(runtime, cluster, list_tasks(runtime, cluster=cluster, serviceName=service.name))
    except Exception as error:
        runtime.telemetry.warning(
            f"cluster {cluster}: which capacity providers have the tasks of service {service.name} cannot be read, so "
            f"they are taken to be as its strategy says: {error}",
            cluster=cluster,
        )
        return None
    return Counter(task.get("capacityProviderName", "") for task in tasks)
