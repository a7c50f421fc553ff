"""How ECS chooses the instance that takes a task, and the tasks that a service no longer needs.

Source: ECS Developer Guide, "Task placement strategies"; ECS API, UpdateService.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from simulator.ecs.devices import free_gpus
from simulator.ecs.launching import EC2, Launch
from simulator.ecs.state import Cluster, ContainerInstance, Task
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


def excess(tasks: Sequence[Task], count: int, strategy: Strategy, rng: random.Random) -> list[Task]:
    """Choose `count` of a service's `tasks` that it no longer needs, one after the other. None of them is protected.

    By default, a task in the zone with the most of them goes, and there on the instance with the most of them. Of a
    packed service, it is the one whose instance has the most left then. It may be fewer: ECS keeps protected tasks.
    """
    left = [t for t in tasks if not t.protected]
    rng.shuffle(left)
    on = Counter(t.instance.arn for t in tasks)
    zones = Counter(t.instance.zone for t in tasks)
    freed: Counter[str] = Counter()

    def rank(task: Task) -> tuple[int, int]:
        if strategy is Strategy.SPREAD:
            return zones[task.instance.zone], on[task.instance.arn]
        if strategy is Strategy.BINPACK:
            return task.instance.remaining.memory_mib + freed[task.instance.arn] + task.definition.size.memory_mib, 0
        return 0, 0

    chosen: list[Task] = []
    while left and len(chosen) < count:
        task = left.pop(max(range(len(left)), key=lambda number: rank(left[number])))
        chosen.append(task)
        on[task.instance.arn] -= 1
        zones[task.instance.zone] -= 1
        freed[task.instance.arn] += task.definition.size.memory_mib
    return chosen


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
    if definition.gpus and not any(free_gpus(i.instance_type, i.tasks.values()) >= definition.gpus for i in active):
        return "RESOURCE:GPU"
    if definition.awsvpc and not any(i.has_interface() for i in active):
        return "RESOURCE:ENI"
    return "RESOURCE:PORTS" if definition.host_port else "RESOURCE:MEMORY"


def fargate_host(cluster: Cluster, size: Size, zone: str) -> ContainerInstance | None:
    """Return the host of one Fargate task, which no call of ECS shows; None if Fargate has no capacity for it."""
    running = sum(not t.instance.arn and not t.stopping for t in cluster.tasks.values())
    if running >= cluster.fargate:
        return None
    return ContainerInstance("", cluster, "", "", zone, registered=size, remaining=size)
