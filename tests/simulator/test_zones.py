"""Zones: scale-in leaves a group balanced, so that AZRebalance and ECS's own rebalancing have nothing to undo."""

from __future__ import annotations

from collections import Counter

import pytest

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.world import SimulatedCluster, World

QUIET = {"start_at_once_share": 0, "learning": "off", "scale_in_after_seconds": 60}


def group_of(web: SimulatedCluster) -> AutoScalingGroup:
    assert isinstance(web.pool, AutoScalingGroup)
    return web.pool


def zones_of(web: SimulatedCluster) -> list[int]:
    return list(group_of(web).units_by_zone().values())


def busy_in_two_zones(world: World, instances: int, **thresholds: int | str) -> SimulatedCluster:
    """A cluster whose idle instances are all of one zone: the others have a task each."""
    web = world.group_cluster("web", instances, **{**QUIET, **thresholds})
    for instance in web.instances():
        if instance.zone != "us-east-1c":
            web.batch_task(instance, run_s=2700, cpu=100, memory=100)
    return web


def test_a_group_that_is_unbalanced_launches_one_and_ends_another() -> None:
    world = World(seed=1)
    web = world.group_cluster("web", 6, mode="paused")
    world.run(10)
    machines = [m for m in web.ec2_instances() if m.zone == "us-east-1a"]

    for machine in machines:
        world.account.groups.terminate_instance_in_auto_scaling_group(
            {"InstanceId": machine.id, "ShouldDecrementDesiredCapacity": True}
        )
    world.run(900)

    assert group_of(web).rebalances == 1
    assert web.target == 4
    assert zones_of(web) == [1, 1, 2]


@pytest.mark.parametrize("share", [10, 50, 100])
def test_scale_in_gives_the_group_nothing_to_rebalance(share: int) -> None:
    world = World(seed=1)
    web = busy_in_two_zones(world, 9, scale_in_share=share)

    world.run(2500)
    # The three idle instances are of one zone: one of them can go before any of another zone does.
    assert web.target == 8
    assert group_of(web).rebalances == 0

    world.run(3600)
    assert web.target <= 1
    assert group_of(web).rebalances == 0
    assert world.account.killed_tasks == 0


def test_scale_in_takes_all_idle_instances_of_a_group_that_does_not_rebalance() -> None:
    world = World(seed=1)
    web = busy_in_two_zones(world, 9, scale_in_share=50)
    group_of(web).suspended.add("AZRebalance")

    world.run(2500)

    assert web.target == 6
    assert zones_of(web) == [0, 3, 3]


def test_services_shrink_to_a_balanced_group() -> None:
    world = World(seed=3)
    web = world.group_cluster("web", 12, **QUIET, scale_in_share=50)
    api = web.service("api", 24, cpu=900, memory=500, requests_per_s=2)
    world.run(120)
    world.account.scheduler.services.set_desired(api, 8)

    world.run(3600)

    assert web.target <= 6
    assert group_of(web).rebalances == 0
    assert world.account.balancing.failed_requests == 0
    assert max(Counter(i.zone for i in web.instances()).values()) <= 2


def test_ecs_balances_a_service_and_the_group_keeps_its_size() -> None:
    """The instances of one zone come late: ECS moves tasks to them, one after the other."""
    world = World(seed=4)
    web = world.group_cluster("web", 6, **QUIET, min_capacity=6)
    late = [i for i in web.instances() if i.zone == "us-east-1a"]
    for instance in late:
        instance.status = "DRAINING"
    api = web.service("api", 6, cpu=500, memory=500, requests_per_s=2)
    api.rebalances = True
    world.run(60)
    for instance in late:
        instance.status = "ACTIVE"

    world.run(1200)

    assert Counter(t.instance.zone for t in web.tasks()) == {f"us-east-1{z}": 2 for z in "abc"}
    assert web.target == 6
    assert world.account.balancing.failed_requests == 0


def test_a_rebalancing_that_finds_no_room_buys_nothing() -> None:
    """ECS reports a placement failure then, although the service has all its tasks."""
    world = World(seed=4)
    web = world.group_cluster("web", 3, **QUIET, min_capacity=3, cpu_reservation_high=100, memory_reservation_high=100)
    full = next(i for i in web.instances() if i.zone == "us-east-1a")
    web.batch_task(full, run_s=None, cpu=2000, memory=1000)
    api = web.service("api", 6, cpu=300, memory=300)
    api.rebalances = True
    world.run(1800)

    assert api.failure_event_at is not None
    assert Counter(t.instance.zone for t in web.tasks("service:api")) == {"us-east-1b": 3, "us-east-1c": 3}
    assert web.target == 3


def test_scale_in_and_the_rebalancing_of_services_come_to_rest() -> None:
    world = World(seed=5)
    web = world.group_cluster("web", 9, **QUIET, scale_in_share=50)
    services = [web.service(f"api-{n}", 6, cpu=400, memory=400, requests_per_s=1) for n in range(3)]
    for service in services:
        service.rebalances = True
    world.run(120)
    for service in services:
        world.account.scheduler.services.set_desired(service, 3)
    world.run(3600)
    rested, started = web.target, {t.arn for t in web.tasks()}

    world.run(3600)

    assert rested < 9
    assert (web.target, {t.arn for t in web.tasks()}) == (rested, started)
    assert group_of(web).rebalances == 0
    assert world.account.balancing.failed_requests == 0
