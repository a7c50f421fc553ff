"""Scaling, end to end on the simulated account, with both kinds of pool."""

from __future__ import annotations

import pytest

from simulator.ecs.state import TaskStatus
from simulator.suite import FAILURE_TOPIC
from simulator.workload.plan import Job
from simulator.workload.submit import Launcher
from simulator.world import World
from steady.cluster import Size
from tests.simulator.scaled_clusters import cluster, message

KINDS = ["spot", "group"]


@pytest.mark.parametrize("kind", KINDS)
def test_reservation_over_its_threshold_grows_the_cluster(kind: str) -> None:
    world = World(seed=1)
    web = cluster(world, kind, 2, cpu_reservation_high=90)
    web.service("api", 4, cpu=1000, memory=1000)

    world.run(70)

    # 4000 of 4096 units; at 90 % they need 4445, so 3 instances of 2048.
    assert web.target == 3
    assert world.suite.telemetry.errors() == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_service_that_cannot_be_placed_gets_its_instances_at_once_and_no_more(kind: str) -> None:
    world = World(seed=2)
    web = cluster(world, kind, 1, cpu_reservation_high=100, memory_reservation_high=100)
    web.service("api", 5, cpu=1024, memory=1000)

    world.run(20)
    assert web.target == 3, "five tasks of 1024 units need three instances, said by the placement failure's event"

    world.run(220)
    assert web.target == 3
    assert len(web.running()) == 5


@pytest.mark.parametrize("kind", KINDS)
def test_failed_run_tasks_are_placed_one_boot_later(kind: str) -> None:
    world = World(seed=3)
    web = cluster(world, kind, 1)
    web.batch_task(web.instances()[0], None, cpu=2048)
    waited: list[float] = []
    launcher = Launcher(web, 0, lambda job, waited_s, task: waited.append(waited_s))
    launcher.submit(tuple(Job(0, "batch", Size(1024, 2048), 600) for _ in range(6)))

    world.run(180)

    assert launcher.waiting == set()
    # A boot takes up to 117 s; besides it there are the messages' way and hako's next try.
    assert max(waited) <= 140


@pytest.mark.parametrize("kind", KINDS)
def test_a_cluster_that_was_never_seen_starts_from_zero(kind: str) -> None:
    world = World(seed=3)
    web = cluster(world, kind, 0)
    launcher = Launcher(web, 0, lambda job, waited_s, task: None)
    launcher.submit(tuple(Job(0, "batch", Size(1024, 2048), 600) for _ in range(6)))

    world.run(60)
    # A fleet says which types it launches, and EC2 how large they are; of a group's the first instance tells.
    assert web.target == (1 if kind == "group" else 3)

    world.run(240)
    assert launcher.waiting == set()


def test_one_run_that_fails_again_and_again_counts_once() -> None:
    world = World(seed=4)
    web = world.spot_cluster("web", 1, cpu_reservation_high=100, memory_reservation_high=100)
    web.batch_task(web.instances()[0], None, cpu=2048)

    for _ in range(5):
        world.account.messaging.publish(FAILURE_TOPIC, message("same"))
        world.run(10)

    assert web.target == 2


def test_a_demand_that_falls_silent_asks_for_nothing_more() -> None:
    world = World(seed=5)
    web = world.spot_cluster("web", 1, scale_in_after_seconds=60)
    world.account.messaging.publish(FAILURE_TOPIC, message("gone", cpu=2048))
    world.run(60 * 12)

    assert web.target <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_an_idle_cluster_shrinks_to_its_minimum_and_no_task_is_lost(kind: str) -> None:
    world = World(seed=6)
    web = cluster(world, kind, 6, scale_in_after_seconds=60, min_capacity=2)
    web.service("api", 4, cpu=200, memory=300, requests_per_s=2)
    world.run(60)

    world.run(60 * 30)

    assert web.target == 2
    assert len(web.instances()) == 2
    assert len(web.running()) == 4
    assert world.account.killed_tasks == 0
    assert world.account.balancing.failed_requests == 0
    assert world.account.spot.interruptions == 0, "a fleet is never left to choose what it takes"


def test_scale_in_waits_for_a_batch_task_and_never_stops_it() -> None:
    world = World(seed=7)
    web = world.spot_cluster("web", 2, scale_in_after_seconds=60)
    tasks = [web.batch_task(instance, run_s=1500) for instance in web.instances()]

    world.run(60 * 20)
    assert [t.status for t in tasks] == [TaskStatus.RUNNING] * 2

    world.run(60 * 15)
    assert [t.sigterm_at for t in tasks] == [None, None]
    assert web.target == 0


def test_drift_whose_tasks_would_fit_does_not_scale() -> None:
    world = World(seed=8)
    web = world.spot_cluster("web", 2)
    web.service("crashing", 2, starts=False)

    world.run(600)

    assert web.target <= 2
    assert any(
        "more instances would not help" in reason["text"]
        for line in world.suite.telemetry.decisions()
        for reason in line.fields["reasons"]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_capacity_never_leaves_its_bounds(kind: str) -> None:
    world = World(seed=9)
    web = cluster(world, kind, 2, min_capacity=1, max_capacity=4, scale_in_after_seconds=60)
    service = web.service("api", 40, cpu=1024, memory=1000)
    seen = set()
    for desired in (40, 0):
        world.account.scheduler.services.set_desired(service, desired)
        for _ in range(20):
            world.run(60)
            seen.add(web.target)

    assert max(seen) == 4
    assert min(seen) == 1


def test_dry_run_says_all_it_would_do_and_does_nothing() -> None:
    world = World(seed=10)
    web = world.spot_cluster("web", 1, mode="dry-run")
    web.service("api", 10, cpu=1024, memory=1000)

    world.run(130)

    assert web.target == 1
    assert {line.fields["target"] for line in world.suite.telemetry.decisions()} == {5}
    assert all(line.fields["mode"] == "dry-run" for line in world.suite.telemetry.decisions())


def test_a_bad_threshold_stops_nothing_and_the_newest_good_one_is_used() -> None:
    world = World(seed=11)
    web = world.spot_cluster("web", 1, max_capacity=3)
    world.account.parameters.put("/steady/clusters/web/max_capacity", "lots")
    web.service("api", 20, cpu=1024, memory=1000)

    world.run(130)

    assert web.target == 3
    errors = world.suite.telemetry.errors()
    assert (
        '/steady/clusters/web/max_capacity is "lots": a capacity in units from 0 to 100000 is needed; '
        "3 is used until it is corrected" in errors
    )


def test_a_malformed_failure_is_set_aside_and_the_good_ones_of_its_batch_count() -> None:
    world = World(seed=12)
    web = world.spot_cluster("web", 1, cpu_reservation_high=100)
    web.batch_task(web.instances()[0], None, cpu=2048)

    world.account.messaging.publish(FAILURE_TOPIC, '{"cluster": "web", "cpu": "many"}')
    world.account.messaging.publish(FAILURE_TOPIC, message("theirs", cluster="unknown"))
    world.account.messaging.publish(FAILURE_TOPIC, message("good", cpu=2000))
    world.run(20)

    dead = world.suite.failures.dead_letters
    assert dead is not None
    reasons = sorted(m.attributes["error"]["StringValue"] for m in dead.messages)
    assert any("hako_task_id is None" in reason for reason in reasons)
    assert any("cluster unknown is not managed" in reason for reason in reasons)
    assert web.target == 2
