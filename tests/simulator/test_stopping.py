"""What is stopping is not gone: an instance is empty once no task of it runs any more, whatever ECS counts."""

from __future__ import annotations

import pytest

from simulator.timing import Timing
from simulator.world import World


@pytest.mark.parametrize("timeout_s", [30, 120])
def test_a_hook_is_completed_only_once_the_last_task_has_ended(timeout_s: int) -> None:
    world = World(seed=21, timing=Timing(exits=timeout_s - 2.0))
    web = world.group_cluster("web", 3, mode="paused")
    web.service("api", 6, requests_per_s=2, stop_timeout_s=timeout_s)
    world.run(60)
    leaving = web.ec2_instances()[0]

    world.account.groups.fail(leaving)
    world.run(1200)

    assert not leaving.alive
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


def test_a_hook_is_not_held_for_hours_by_a_container_that_never_ends() -> None:
    world = World(seed=22)
    web = world.group_cluster("web", 2, mode="paused")
    stuck = web.batch_task(web.instances()[0], run_s=None)
    world.run(30)
    scheduler, leaving = world.account.scheduler, web.ec2_instances()[0]
    scheduler.exit_s = lambda task: 86_400.0  # type: ignore[method-assign]
    scheduler.stop(stuck)

    world.account.groups.fail(leaving)
    world.run(600)

    assert not leaving.alive


def test_scale_in_terminates_an_instance_only_once_its_last_task_has_ended() -> None:
    # Longer than a minute: at least one tick sees each instance while its tasks are stopping.
    world = World(seed=23, timing=Timing(exits=70.0))
    web = world.spot_cluster("web", 6, scale_in_after_seconds=60, learning="off", start_at_once_share=0)
    web.service("api", 6, cpu=256, memory=256, requests_per_s=2, stop_timeout_s=90)
    world.run(1800)

    assert web.target < 6
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


@pytest.mark.parametrize("exits_s", [20.0, 29.0])
def test_on_spot_the_log_shipper_outlives_the_tasks_that_are_stopping(exits_s: float) -> None:
    world = World(seed=24, timing=Timing(exits=exits_s))
    web = world.spot_cluster("web", 4, mode="paused")
    web.daemon("fluentd")
    web.service("api", 4, requests_per_s=2, delay_s=30)
    web.service("worker", 4)
    world.run(60)
    doomed = {i.id for i in web.reclaim(2)}
    tasks = [t for t in web.tasks() if t.instance.ec2_id in doomed]
    world.run(118)

    for shipper in [t for t in tasks if t.service_name == "fluentd"]:
        others = [t.exited_at for t in tasks if t.instance is shipper.instance and t is not shipper]
        assert shipper.sigterm_at is not None
        assert all(at is not None and at <= shipper.sigterm_at for at in others)
    assert world.account.killed_tasks == 0
