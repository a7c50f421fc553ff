"""Hooks of others beside ours: one that is abandoned ends ours, and one that continues does not."""

from __future__ import annotations

import pytest

from simulator.ecs.state import Task, TaskStatus
from simulator.lifecycle_hooks import MANAGED_DRAINING, MANAGED_HEARTBEAT_S
from simulator.world import SimulatedCluster, World
from steady.names import HOOK_NAME


def held_by_two(world: World, other: str, heartbeat_s: float, *, abandons: bool) -> tuple[SimulatedCluster, Task]:
    """A group with our hook and another one that nobody answers, and a long batch task on an instance that goes."""
    web = world.group_cluster("web", 3, mode="paused")
    web.pool.hook = HOOK_NAME  # type: ignore[union-attr]
    web.pool.other_hooks = {other: heartbeat_s}  # type: ignore[union-attr]
    web.pool.abandoning = {other} if abandons else set()  # type: ignore[union-attr]
    web.service("api", 3, requests_per_s=2)
    batch = web.batch_task(web.instances()[0], run_s=8000)
    # Between two ticks: none sees the instance before its notice is handled.
    world.run(75)
    world.account.groups.fail(web.ec2_instances()[0])
    return web, batch


def test_tasks_are_stopped_before_another_hook_is_abandoned_which_ends_ours() -> None:
    world = World(seed=61)
    _, batch = held_by_two(world, "backup", 600.0, abandons=True)

    world.run(500)
    assert batch.status is TaskStatus.RUNNING, "there is time"
    world.run(200)

    assert batch.sigterm_at is not None
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


@pytest.mark.parametrize(("other", "heartbeat_s"), [("backup", 60.0), (MANAGED_DRAINING, MANAGED_HEARTBEAT_S)])
def test_a_hook_that_continues_cuts_no_task_short_that_ours_has_time_for(other: str, heartbeat_s: float) -> None:
    world = World(seed=62)
    web, batch = held_by_two(world, other, heartbeat_s, abandons=False)

    world.run(8200)

    assert batch.status is TaskStatus.STOPPED
    assert batch.sigterm_at is None, "it has ended by itself"
    world.run(120)
    assert len(web.ec2_instances()) == 3
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)
