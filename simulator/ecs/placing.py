"""How ECS chooses among the instances that can take a task (ECS Developer Guide, "Task placement strategies")."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from simulator.ecs.state import Cluster, ContainerInstance
from simulator.ecs.strategies import Strategy


def choose(
    fitting: Sequence[ContainerInstance], cluster: Cluster, group: str, strategy: Strategy, rng: random.Random
) -> ContainerInstance:
    """Choose one of the instances `fitting` for a task of `group`. None of them is wrong."""
    if strategy is Strategy.RANDOM:
        return rng.choice(fitting)
    if strategy is Strategy.BINPACK:
        return min(fitting, key=lambda i: (i.remaining.memory_mib, i.remaining.cpu_units, i.arn))
    service = cluster.services.get(group.removeprefix("service:"))
    tasks = service.tasks.values() if service else [t for t in cluster.tasks.values() if t.group == group]
    on = Counter(t.instance.arn for t in tasks)
    zones = Counter(t.instance.zone for t in tasks)
    return min(fitting, key=lambda i: (zones[i.zone], on[i.arn], len(i.tasks), i.arn))
