"""Placement as ECS does it: spread by default for services, at random for RunTask, packed where they say so."""

from __future__ import annotations

from collections import Counter

from simulator.ecs.strategies import Strategy
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
