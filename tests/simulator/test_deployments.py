"""What ECS starts before it stops: rolling deployments, green fleets, and tasks on draining instances."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.ecs.state import Service
from simulator.world import SimulatedCluster, World

QUIET = {"start_at_once_share": 0, "learning": "off", "cpu_reservation_high": 100, "memory_reservation_high": 100}


def full(world: World, maximum_percent: int = 200) -> tuple[SimulatedCluster, Service]:
    """A cluster of three instances that is full of a service's six tasks."""
    web = world.group_cluster("web", 3, **QUIET)
    api = web.service("api", 6, cpu=1024, memory=1024)
    api.maximum_percent = maximum_percent
    world.run(60)
    return web, api


def deploy(web: SimulatedCluster, service: Service) -> None:
    definition = replace(service.definition, revision=2)
    web.world.account.scheduler.definitions[definition.arn] = definition
    web.world.account.scheduler.services.deploy(service, definition)


@pytest.mark.parametrize(("maximum_percent", "instances"), [(200, 6), (150, 5), (100, 3)])
def test_a_deployment_in_a_full_cluster_gets_room_for_what_ecs_may_start(maximum_percent: int, instances: int) -> None:
    world = World(seed=1)
    web, api = full(world, maximum_percent)
    deploy(web, api)

    world.run(60)
    # 6, 3 or none of the new tasks may be there beside the six old ones.
    assert web.target == instances

    world.run(20 * 60)
    if maximum_percent > 100:
        assert {t.definition.revision for t in web.running()} == {2}


def test_tasks_on_a_drained_instance_get_room_for_their_replacements() -> None:
    world = World(seed=2)
    web, _ = full(world)
    drained = web.instances()[0]
    world.account.scheduler.drain(drained)

    world.run(5 * 60)

    assert not [t for t in drained.tasks.values() if not t.stopping], "two tasks had nowhere to go"
    assert len([t for t in web.running() if not t.stopping]) == 6
    assert web.target == 4


def test_a_service_at_100_and_100_percent_asks_for_nothing_on_account_of_a_drain() -> None:
    world = World(seed=3)
    web, api = full(world, maximum_percent=100)
    world.account.scheduler.drain(web.instances()[0])

    world.run(5 * 60)

    assert web.target == 3
    assert len(api.tasks) == 6
