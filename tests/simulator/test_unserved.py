"""An instance that waits under a hook is emptied although its notice was lost, or its service-out has died."""

from __future__ import annotations

import pytest

from simulator.ecs.state import TaskStatus
from simulator.world import SimulatedCluster, World


def waiting_world(*, mode: str = "paused") -> tuple[World, SimulatedCluster]:
    world = World(seed=41)
    web = world.group_cluster("web", 4, mode=mode)
    web.service("api", 8, requests_per_s=2)
    web.batch_task(web.instances()[0], run_s=3000)
    # Between two ticks.
    world.run(90)
    return world, web


def sent_to(world: World, queue: str) -> int:
    assert world.account.endpoint.log is not None
    return sum(c.name == "sqs:SendMessage" and c.params["QueueUrl"] == queue for c in world.account.endpoint.log)


@pytest.mark.parametrize("mode", ["paused", "active"])
def test_a_tick_finds_an_instance_whose_hook_event_was_lost(mode: str) -> None:
    world, web = waiting_world(mode=mode)
    leaving = web.ec2_instances()[0]
    world.account.groups.on_terminating = lambda group, waiting: None

    world.account.groups.fail(leaving)
    world.run(2500)
    assert leaving.alive, "its batch task still runs: the hook gets heartbeats without its token"
    world.run(700)

    assert not leaving.alive
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)
    assert world.suite.telemetry.errors() == []


def test_a_notice_that_comes_twice_is_answered_by_its_token() -> None:
    world, web = waiting_world()
    world.account.endpoint.log = []
    leaving = web.ec2_instances()[0]
    world.account.groups.fail(leaving)
    # At the same moment: the event has not come yet.
    world.suite.tick("web")
    world.run(3200)

    assert sent_to(world, world.suite.unserved.url) == 1
    completed = [c for c in world.account.endpoint.log if c.name == "autoscaling:CompleteLifecycleAction"]
    assert [c.params.get("InstanceId") for c in completed] == [None]
    assert not leaving.alive
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


@pytest.mark.parametrize("lost_after_s", [20, 731, 760, 20_000])
def test_a_service_out_that_was_lost_on_its_way_is_begun_again(lost_after_s: int) -> None:
    world, web = waiting_world()
    endless = web.batch_task(web.instances()[0], run_s=None)
    leaving = web.ec2_instances()[0]
    world.account.groups.fail(leaving)
    world.run(lost_after_s)
    assert leaving.container_instance
    assert leaving.container_instance.status == "DRAINING"

    world.suite.notices.messages.clear()
    world.run(29_900 - lost_after_s)
    assert leaving.alive, "its batch task still runs: the hook gets heartbeats again"
    world.run(200)

    assert not leaving.alive, "Auto Scaling: the wait ends after a hundred heartbeat timeouts, 30,000 s"
    assert endless.sigterm_at is not None, "it was stopped before that, by the deadline of the first notice"
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


def test_a_tick_makes_no_further_call_while_nobody_waits_and_sends_nothing_while_service_out_is_at_work() -> None:
    world, web = waiting_world()
    world.account.endpoint.log = []
    world.run(180)
    keys = [c.params["Key"]["cluster"]["S"] for c in world.account.endpoint.log if c.name == "dynamodb:GetItem"]
    assert "#service-out/web" not in keys

    world.account.groups.fail(web.ec2_instances()[0])
    world.run(900)

    assert any(t.status is not TaskStatus.STOPPED for t in web.tasks("family:batch"))
    assert sent_to(world, world.suite.unserved.url) == 0
