"""Placement as ECS does it: spread by default for services, at random for RunTask, packed where they say so."""

from __future__ import annotations

from collections import Counter

from simulator.ecs.strategies import Strategy
from simulator.timing import Timing
from simulator.world import SimulatedCluster, World

ALL_OF_IT = {"cpu_reservation_high": 100, "memory_reservation_high": 100, "start_at_once_share": 0, "learning": "off"}


def counts(web: SimulatedCluster) -> list[int]:
    return sorted(len(i.tasks) for i in web.instances())


def run_tasks(web: SimulatedCluster, count: int, **params: object) -> None:
    definition = web.define("batch", 128, 128)
    world, asked = web.world, {"cluster": "web", "taskDefinition": definition.arn, "count": count, **params}
    world.account.endpoint.answer("test", "ecs:RunTask", asked)


def test_a_service_is_spread_over_zones_and_then_over_instances() -> None:
    web = World(seed=1, scaling=False).group_cluster("web", 6)

    web.service("api", 6, cpu=128, memory=128)

    assert counts(web) == [1] * 6
    assert set(Counter(t.instance.zone for t in web.tasks()).values()) == {2}


def test_a_service_may_ask_to_be_packed() -> None:
    web = World(seed=1, scaling=False).group_cluster("web", 6)

    web.service("api", 6, cpu=128, memory=128, strategy=Strategy.BINPACK)

    assert counts(web) == [0] * 5 + [6]


def test_run_task_places_at_random_unless_it_says_otherwise() -> None:
    web = World(seed=1, scaling=False).group_cluster("web", 6)
    for _ in range(3):
        run_tasks(web, 10)
    assert len(set(counts(web))) > 2, "neither packed nor spread"

    web = World(seed=1, scaling=False).group_cluster("web", 6)
    run_tasks(web, 10, placementStrategy=[{"type": "binpack", "field": "memory"}])
    assert counts(web) == [0] * 5 + [10]


def test_services_that_ecs_spreads_get_their_instances_in_one_round() -> None:
    for seed in (1, 2):
        world = World(seed=seed, boot_s=60)
        web = world.group_cluster("web", 1, **ALL_OF_IT)
        web.service("small", 10, cpu=256, memory=256)
        web.service("large", 10, cpu=2048, memory=512)

        # One boot, of up to 78 s; the closest packing (12 instances) needed another one.
        world.run(130)

        assert len(web.running()) == 20, seed
        assert web.target <= 16, "what ECS needs if it spreads all small tasks first"


def zones(web: SimulatedCluster) -> list[int]:
    return sorted(Counter(t.instance.zone for t in web.tasks() if not t.stopping).values())


def test_what_a_service_no_longer_needs_goes_where_most_of_it_is() -> None:
    """ECS API, UpdateService: in the zone, and there on the instance, with the largest number of running tasks."""
    web = World(seed=1, scaling=False).group_cluster("web", 3)
    api = web.service("api", 9, cpu=128, memory=128)

    web.world.account.scheduler.services.set_desired(api, 4)

    assert zones(web) == [1, 1, 2]


def test_a_packed_service_leaves_the_instances_that_have_most_left() -> None:
    """ECS Developer Guide, "Task placement strategies": the instance that has the most left then has its task ended."""
    web = World(seed=1, scaling=False).group_cluster("web", 4)
    api = web.service("api", 8, cpu=1000, memory=128, strategy=Strategy.BINPACK)
    web.world.run(60)

    web.world.account.scheduler.services.set_desired(api, 3)
    web.world.run(120)

    assert counts(web) == [0, 0, 1, 2]


def test_protected_tasks_stay_when_a_service_wants_fewer() -> None:
    web = World(seed=1, scaling=False).group_cluster("web", 3)
    api = web.service("api", 6, cpu=128, memory=128)
    for task in web.tasks()[:4]:
        task.protected = True

    web.world.account.scheduler.services.set_desired(api, 1)

    assert [t.protected for t in web.tasks() if not t.stopping] == [True] * 4


def test_a_service_that_may_launch_fewer_than_it_wants_waits_where_there_is_no_room() -> None:
    world = World(seed=1, scaling=False, timing=Timing.as_aws())
    web = world.group_cluster("web", 1)

    web.service("api", 700, cpu=2048, memory=128)
    world.run(900)

    assert counts(web) == [1]
