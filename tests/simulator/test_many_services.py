"""A cluster of many services: a look reads those that may have changed, and misses nothing that matters."""

from __future__ import annotations

from collections import Counter

import pytest

from simulator.world import SimulatedCluster, World
from steady.aws.scaling.services import ALL_UP_TO, LOOKS_A_SWEEP

MANY = ALL_UP_TO + 100


@pytest.fixture
def large() -> SimulatedCluster:
    world = World(seed=1, duplicates=0.0)
    web = world.group_cluster("web", 4, "m5.4xlarge", min_capacity=4, max_capacity=20, scale_in_after_seconds=3600)
    for number in range(MANY):
        web.service(f"service-{number:03}", 0, cpu=64, memory=64)
    web.daemon("shipper")
    world.run(70)
    return web


def calls_of_a_tick(web: SimulatedCluster) -> Counter[str]:
    endpoint = web.world.account.endpoint
    before = endpoint.counted("autoscaler").calls.copy()
    web.world.run(60)
    return endpoint.counted("autoscaler").calls - before


def test_a_tick_reads_a_share_of_them_and_a_sweep_reads_each(large: SimulatedCluster) -> None:
    large.world.account.endpoint.log = []

    calls = calls_of_a_tick(large)

    # A twentieth, and the daemon: 17 services, 10 a call. Their list is not read at all.
    assert calls["ecs:DescribeServices"] == 2
    assert calls["ecs:ListServices"] == 0
    large.world.run(60 * (LOOKS_A_SWEEP - 1))
    read = {
        name.rsplit("/", 1)[-1]
        for call in large.world.account.endpoint.log or ()
        if call.name == "ecs:DescribeServices"
        for name in call.params["services"]
    }
    assert len(read) == MANY + 1


def test_a_service_that_finds_no_room_has_it_as_soon_as_its_event_says_so(large: SimulatedCluster) -> None:
    service = large.state.services["service-290"]
    service.definition = large.define("big", 4096, 4096)
    large.world.account.scheduler.services.set_desired(service, 40)

    large.world.run(400)

    assert large.target > 4
    assert len([t for t in large.running() if t.group == "service:service-290"]) == 40


def test_one_whose_event_is_lost_is_seen_within_a_sweep(large: SimulatedCluster) -> None:
    large.world.account.messaging.deliver = lambda queue, body: None  # type: ignore[method-assign]
    service = large.state.services["service-290"]
    service.definition = large.define("big", 4096, 4096)
    large.world.account.scheduler.services.set_desired(service, 40)

    large.world.run(60 * LOOKS_A_SWEEP + 400)

    assert len([t for t in large.running() if t.group == "service:service-290"]) == 40


def test_services_that_come_and_go_are_noticed_by_their_number(large: SimulatedCluster) -> None:
    del large.state.services["service-000"]
    large.service("new", 0)
    large.service("newer", 0)

    calls = calls_of_a_tick(large)

    # The whole list, and all of them.
    assert calls["ecs:ListServices"] == 4
    assert calls["ecs:DescribeServices"] == -(-(MANY + 2) // 10)


def test_a_cluster_of_few_services_reads_them_all_each_time() -> None:
    world = World(seed=2, duplicates=0.0)
    web = world.group_cluster("web", 2, min_capacity=2)
    for number in range(25):
        web.service(f"service-{number}", 0)
    world.run(70)

    calls = calls_of_a_tick(web)

    assert calls["ecs:DescribeServices"] == 3
    assert calls["ecs:ListServices"] == 1
    assert calls["ecs:DescribeClusters"] == 0
