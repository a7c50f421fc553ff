"""How ECS chooses among the instances that can take a task (ECS Developer Guide, "Task placement strategies")."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from simulator.ecs.launching import EC2, Launch
from simulator.ecs.state import Cluster, ContainerInstance
from simulator.ecs.strategies import Strategy
from simulator.ecs.task_definition import TaskDefinition
from steady.cluster import Size


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


def placement_failure_reason(cluster: Cluster, definition: TaskDefinition, launch: Launch = EC2) -> str:
    """Return the reason that ECS gives if it cannot place a task of `definition`."""
    [provider] = launch.providers_of_next((t for t in cluster.tasks.values() if t.definition is definition), 1)
    if launch.is_fargate(provider):
        return "RESOURCE:FARGATE"
    instances = cluster.instances.values()
    active = [i for i in instances if i.status == "ACTIVE" and launch.may_be_on(i, provider)]
    if not active:
        return "NO_CONTAINER_INSTANCES"
    if not any(i.remaining.memory_mib >= definition.size.memory_mib for i in active):
        return "RESOURCE:MEMORY"
    if not any(i.remaining.cpu_units >= definition.size.cpu_units for i in active):
        return "RESOURCE:CPU"
    if definition.awsvpc and not any(i.has_interface() for i in active):
        return "RESOURCE:ENI"
    return "RESOURCE:PORTS" if definition.host_port else "RESOURCE:MEMORY"


def fargate_host(cluster: Cluster, size: Size, zone: str) -> ContainerInstance | None:
    """Return the host of one Fargate task, which no call of ECS shows; None if Fargate has no capacity for it."""
    running = sum(not t.instance.arn and not t.stopping for t in cluster.tasks.values())
    if running >= cluster.fargate:
        return None
    return ContainerInstance("", cluster, "", "", zone, registered=size, remaining=size)
