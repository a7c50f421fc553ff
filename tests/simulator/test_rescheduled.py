"""A maintenance that is put off or brought forward: its newest time counts, and no nearer notice is forgotten."""

from __future__ import annotations

import pytest

from simulator.ecs.state import TaskStatus
from simulator.world import World
from tests.simulator.test_coming_back import ENDS, HOUR_S, REBOOT, STARTS, calm_cluster, health, until


@pytest.mark.parametrize("later", [True, False], ids=["put off", "brought forward"])
def test_a_maintenance_that_is_rescheduled_has_its_new_time(later: bool) -> None:
    """EC2 User Guide, "Reschedule a scheduled event": AWS Health says the new time of the same event."""
    world = World(seed=14)
    web = calm_cluster(world)
    named = web.instances()[0]
    batch = web.batch_task(named, run_s=7 * HOUR_S)
    soon, late = (STARTS, ENDS), ("Thu, 01 Jan 2026 09:00:00 GMT", "Thu, 01 Jan 2026 10:00:00 GMT")
    health(world, REBOOT, named.ec2_id, window=soon if later else late)
    world.run(300)
    health(world, REBOOT, named.ec2_id, window=late if later else soon)

    until(world, STARTS)
    assert named.status == "DRAINING"
    assert (batch.status is TaskStatus.RUNNING) is later
    until(world, late[0])
    assert batch.status is TaskStatus.STOPPED
    assert (batch.sigterm_at is None) is later, "it has ended by itself"


def test_a_spot_warning_is_nearer_than_any_maintenance_however_often_it_is_rescheduled() -> None:
    world = World(seed=15)
    web = calm_cluster(world)
    named = web.instances()[0]
    web.batch_task(named, run_s=7 * HOUR_S)
    health(world, REBOOT, named.ec2_id)
    world.run(100)
    world.account.spot.reclaim([i for i in web.ec2_instances() if i.id == named.ec2_id])
    world.run(5)
    health(world, REBOOT, named.ec2_id, window=("Thu, 01 Jan 2026 09:00:00 GMT", "Thu, 01 Jan 2026 10:00:00 GMT"))
    world.run(125)

    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


def test_another_maintenance_puts_none_off() -> None:
    world = World(seed=16)
    web = calm_cluster(world)
    named = web.instances()[0]
    batch = web.batch_task(named, run_s=7 * HOUR_S)
    health(world, REBOOT, named.ec2_id)
    world.run(100)
    late = ("Thu, 01 Jan 2026 09:00:00 GMT", "Thu, 01 Jan 2026 10:00:00 GMT")
    health(world, REBOOT, named.ec2_id, window=late, event="another")

    until(world, STARTS)
    assert batch.status is TaskStatus.STOPPED
