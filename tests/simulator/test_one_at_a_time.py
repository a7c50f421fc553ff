"""A service that ECS can neither replace nor stop on a draining instance (100 and 100 percent) leaves in turns.

ECS API (UpdateContainerInstancesState): at maximumPercent 100 no replacement starts before a task has stopped, and at
minimumHealthyPercent 100 ECS stops none. So a drain never ends by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simulator.ecs.state import Service, TaskStatus
from simulator.service_kinds import KINDS
from simulator.world import SimulatedCluster, World


def rigid(cluster: SimulatedCluster, tasks: int, requests_per_s: float = 2.0, **kind: Any) -> Service:
    """A service whose tasks ECS can neither replace first nor stop first."""
    service = cluster.service("api", tasks, requests_per_s=requests_per_s, **kind)
    service.maximum_percent = 100
    return service


def least(world: World, count: Callable[[], int], seconds: int) -> int:
    """Return the least that `count` returned in the next `seconds`."""
    found = []
    for _ in range(seconds):
        world.run(1)
        found.append(count())
    return min(found)


def running(service: Service) -> int:
    return sum(t.status is TaskStatus.RUNNING and not t.stopping for t in service.tasks.values())


def serving(world: World) -> int:
    return sum(t.is_serving for group in world.account.balancing.groups.values() for t in group.targets.values())


@pytest.mark.parametrize(("tasks", "doomed"), [(4, 2), (2, 2), (3, 3)])
def test_under_a_hook_its_tasks_leave_one_after_the_other(tasks: int, doomed: int) -> None:
    world = World(seed=51)
    web = world.group_cluster("web", tasks, mode="paused")
    rigid(web, tasks)
    world.run(60)
    leaving = web.ec2_instances()[:doomed]

    for instance in leaving:
        world.account.groups.fail(instance)
    fewest = least(world, lambda: serving(world), 1200)

    assert fewest == tasks - 1
    assert [i.id for i in leaving if i.alive] == []
    balancing = world.account.balancing
    assert (world.account.killed_tasks, balancing.failed_requests, balancing.unserved_requests) == (0, 0, 0)


@pytest.mark.parametrize("kind", ["nlb", "cloud-map", "lattice", "service-connect"])
def test_the_tasks_of_one_that_gets_requests_in_another_way_do_so_too(kind: str) -> None:
    """As late as they can be, they would all go at once: hours later, and the service would have no task."""
    world = World(seed=55)
    web = world.group_cluster("web", 3, mode="paused")
    service = rigid(web, 3, **KINDS[kind])
    world.run(60)
    leaving = web.ec2_instances()

    for instance in leaving:
        world.account.groups.fail(instance)
    fewest = least(world, lambda: running(service), 2400)

    assert fewest == 2
    assert [i.id for i in leaving if i.alive] == []
    assert world.account.killed_tasks == 0
    assert world.account.balancing.unserved_requests == 0
    if kind == "nlb":
        assert world.account.balancing.failed_requests == 0


def test_the_tasks_of_one_without_targets_do_so_too() -> None:
    world = World(seed=52)
    web = world.group_cluster("web", 3, mode="paused")
    worker = rigid(web, 3, requests_per_s=0)
    world.run(60)
    leaving = web.ec2_instances()[:2]

    for instance in leaving:
        world.account.groups.fail(instance)
    fewest = least(world, lambda: running(worker), 1200)

    assert fewest == 2
    assert [i.id for i in leaving if i.alive] == []
    assert world.account.killed_tasks == 0


def test_the_only_task_of_a_service_leaves_once_there_is_room_for_another_one() -> None:
    world = World(seed=53)
    web = world.group_cluster("web", 1, mode="paused")
    rigid(web, 1)
    world.run(60)
    (leaving,) = web.ec2_instances()

    world.account.groups.fail(leaving)
    world.run(1200)

    assert not leaving.alive
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)
    # The longest request (20 s), a step, the start of the other task and its health checks; no boot of an instance.
    assert 0 < sum(world.account.balancing.seconds_without_target().values()) <= 45


def test_near_the_deadline_all_that_is_left_goes_whether_or_not_it_is_replaced() -> None:
    world = World(seed=54)
    web = world.group_cluster("web", 3, mode="paused")
    assert web.pool.name == "web"
    web.pool.heartbeat_s = 30.0  # type: ignore[union-attr]
    service = rigid(web, 3)
    world.run(60)
    # Its replacements do not start any more.
    service.definition = web.define("api", 256, 512, container_port=8080, starts=False)
    leaving = web.ec2_instances()[:2]

    for instance in leaving:
        world.account.groups.fail(instance)
    world.run(3000)

    assert [i.id for i in leaving if i.alive] == []
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)
