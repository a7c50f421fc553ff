"""What the account does as AWS does: slow fleets, image pulls, launch rates, back-off, short capacity."""

from __future__ import annotations

import random
from itertools import pairwise
from statistics import quantiles

import pytest

from simulator.durations import drawn
from simulator.ecs.pace import LONGEST_WITHOUT_START_S
from simulator.ecs.state import TaskStatus
from simulator.timing import Timing
from simulator.world import SimulatedCluster, World


def alone(timing: Timing, seed: int = 1) -> World:
    return World(seed, duplicates=0.0, scaling=False, timing=timing)


def set_target(web: SimulatedCluster, target: int) -> None:
    params = {"SpotFleetRequestId": "sfr-web", "TargetCapacity": target}
    web.world.account.endpoint.answer("operator", "ec2:ModifySpotFleetRequest", params)


def launched_at(world: World, web: SimulatedCluster, before: int) -> float:
    begun = world.clock.now
    world.clock.run_while(lambda: len(web.ec2_instances()) <= before)
    return world.clock.now - begun


def test_a_fleet_is_modifying_until_it_launches_and_takes_5_to_60_s() -> None:
    took = []
    for seed in range(12):
        world = alone(Timing(fulfil_s=(5, 60)), seed)
        web = world.spot_cluster("web", 1)
        world.run(90)
        set_target(web, 2)
        fleet = world.account.fleets.fleets["sfr-web"]
        until = fleet.modifying_until
        took.append(launched_at(world, web, 1))
        assert fleet.is_modifying(until - 0.1)
        assert not fleet.is_modifying(world.clock.now)

    assert 5 <= min(took) < 20 < 40 < max(took) <= 60


def test_a_group_takes_5_to_60_s_too() -> None:
    took = []
    for seed in range(12):
        world = alone(Timing(fulfil_s=(5, 60)), seed)
        web = world.group_cluster("web", 1)
        params = {"AutoScalingGroupName": "web", "DesiredCapacity": 2}
        world.account.endpoint.answer("operator", "autoscaling:SetDesiredCapacity", params)
        took.append(launched_at(world, web, 1))

    assert 5 <= min(took) < 20 < 40 < max(took) <= 60


def test_some_boots_take_minutes() -> None:
    world = alone(Timing(boot_tail=8.0))
    web = world.group_cluster("web", 0)
    web.pool.desired = 300  # type: ignore[union-attr]
    begun, took = world.clock.now, []
    world.account.groups.look_soon(web.pool)  # type: ignore[arg-type]
    while len(took) < 300:
        registered = len(web.instances())
        world.clock.run_while(lambda before=registered: len(web.instances()) == before)  # type: ignore[misc]
        took += [world.clock.now - begun - 5] * (len(web.instances()) - registered)

    cuts = quantiles(took, n=100)
    assert min(took) > 0.6 * 90
    assert 70 < cuts[49] < 95
    assert cuts[98] > 180


def test_the_first_task_with_an_image_pulls_it_and_the_others_find_it() -> None:
    world = alone(Timing(pull_s=30.0))
    web = world.spot_cluster("web", 1, "m5.2xlarge")
    [instance] = web.instances()
    first, beside = (web.batch_task(instance, None) for _ in range(2))
    world.run(15)
    assert {first.status, beside.status} == {TaskStatus.PENDING}, "both wait for one pull"
    world.run(40)
    later = web.batch_task(instance, None)
    world.run(6)

    assert {first.status, beside.status, later.status} == {TaskStatus.RUNNING}


def test_a_service_launches_500_tasks_a_minute() -> None:
    world = alone(Timing(launches_a_minute=500))
    web = world.group_cluster("web", 30, "m5.8xlarge")
    web.service("api", 1200, cpu=64, memory=64)

    assert len(web.tasks("service:api")) == 500
    world.run(61)
    assert len(web.tasks("service:api")) == 1000
    world.run(60)
    assert len(web.tasks("service:api")) == 1200


def tries_of(world: World, seconds: int) -> list[int]:
    """Return when a service without room tried to place a task, in seconds from now."""
    scheduler, tried = world.account.scheduler, list[int]()
    place, begun = scheduler.place, world.clock.now

    def watched(*of: object, **by: object) -> object:
        tried.append(round(world.clock.now - begun))
        return place(*of, **by)  # type: ignore[arg-type]

    scheduler.place = watched  # type: ignore[method-assign,assignment]
    world.run(seconds)
    return tried


def test_a_service_without_room_is_tried_ever_more_seldom_up_to_every_five_minutes() -> None:
    world = alone(Timing(backs_off=True))
    web = world.spot_cluster("web", 1)
    web.service("api", 3, cpu=2048, memory=1024)

    assert tries_of(world, 1200) == [15, 45, 105, 225, 465, 765, 1065]


def test_an_update_of_the_service_ends_its_back_off() -> None:
    world = alone(Timing(backs_off=True))
    web = world.spot_cluster("web", 1)
    api = web.service("api", 3, cpu=2048, memory=1024)
    world.run(500)
    web.pool.target = 4  # type: ignore[union-attr]
    world.account.fleets.look_soon(web.pool)  # type: ignore[arg-type]
    world.run(200)
    assert len(web.tasks("service:api")) == 1, "it is not tried again yet"
    world.account.scheduler.services.set_desired(api, 3)

    assert len(web.tasks("service:api")) == 3


def test_a_service_whose_tasks_do_not_start_is_tried_every_27_minutes_in_the_end() -> None:
    world = alone(Timing(backs_off=True))
    web = world.spot_cluster("web", 1)
    web.service("api", 1, starts=False)
    tried = tries_of(world, 6 * 3600)

    gaps = [b - a for a, b in pairwise(tried)]
    assert gaps[:6] == sorted(gaps[:6])
    assert gaps[-1] == pytest.approx(LONGEST_WITHOUT_START_S, abs=10)


@pytest.mark.parametrize("kind", ["fleet", "group"])
def test_on_demand_capacity_that_is_short_comes_later(kind: str) -> None:
    world = alone(Timing(on_demand_short=1.0))
    if kind == "fleet":
        web = world.spot_cluster("web", 1)
        web.pool.target, web.pool.on_demand_target = 3, 2  # type: ignore[union-attr]
        world.account.fleets.look_soon(web.pool)  # type: ignore[arg-type]
    else:
        web = world.group_cluster("web", 1)
        web.pool.desired = 3  # type: ignore[union-attr]
        world.account.groups.look_soon(web.pool)  # type: ignore[arg-type]
    world.run(600)
    assert len(web.ec2_instances()) == 1
    if kind == "group":
        [activity, *_] = web.pool.activities  # type: ignore[union-attr]
        assert "sufficient m5.large capacity" in activity["StatusMessage"]

    short = Timing(on_demand_short=0.5)
    world.account.fleets.timing = world.account.groups.timing = short
    world.run(900)
    assert len(web.ec2_instances()) == 3


def test_deliveries_have_a_tail() -> None:
    draw = drawn(0.5, 8.0, (0.4, 1.6), random.Random(1))
    cuts = quantiles([draw() for _ in range(20_000)], n=100)

    assert cuts[49] < 0.5
    assert cuts[98] / cuts[49] == pytest.approx(8.0, rel=0.1)
