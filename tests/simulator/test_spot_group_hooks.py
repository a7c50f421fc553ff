"""The lifecycle hook that a group of Spot Instances calls at a notice: EC2 ends the instance whatever the hook says."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from simulator.timing import Timing
from simulator.world import World
from tests.simulator.spot_groups import QUIET, full, group_of


def test_a_hook_that_outlasts_a_notice_is_not_held_and_costs_no_call() -> None:
    world = World(seed=1)
    web, world.account.endpoint.log = full(world, 6), []
    web.reclaim(6)
    world.run(150)

    assert world.account.killed_tasks == 0
    called = Counter(call.name for call in world.account.endpoint.log)
    assert called["autoscaling:RecordLifecycleActionHeartbeat"] == 0
    assert called["autoscaling:CompleteLifecycleAction"] == 0


def test_a_hook_that_would_end_before_a_notice_is_held_until_its_tasks_have_ended() -> None:
    world = World(seed=1)
    web, world.account.endpoint.log = full(world, 6), []
    group_of(web).heartbeat_s = 45
    web.reclaim(6)
    world.run(150)

    assert world.account.killed_tasks == 0
    called = Counter(call.name for call in world.account.endpoint.log)
    assert called["autoscaling:RecordLifecycleActionHeartbeat"] > 0


@pytest.mark.parametrize("ticks_at_s", [0.5, 2.0, 4.0, 8.0, 20.0])
def test_a_tick_that_finds_the_hooks_does_not_put_the_end_of_a_notice_off(ticks_at_s: float) -> None:
    world = World(seed=1, timing=Timing.as_aws(pollers=2))
    web = world.spot_group_cluster("web", 12, **QUIET)
    web.service("api", 24, requests_per_s=1)
    for instance in web.instances():
        web.batch_task(instance, run_s=3000)
    world.run(50)
    web.reclaim(12)
    world.run(ticks_at_s)
    world.suite.tick("web")
    world.run(150)

    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


@pytest.mark.parametrize("hook_first", [True, False])
def test_the_last_targets_under_a_hook_do_not_leave_with_those_of_a_notice(*, hook_first: bool) -> None:
    """The hook has hours, the other instance two minutes: the one under the hook serves until new ones have booted."""
    world = World(seed=1, boot_s=200.0)
    web = world.spot_group_cluster("web", 2, mode="paused")
    web.service("api", 2, cpu=1000, memory=1000, requests_per_s=2, delay_s=30)
    world.run(60)
    hooked, noticed = web.ec2_instances()
    ways = [lambda: world.account.groups.fail(hooked), lambda: world.account.spot.reclaim([noticed])]
    ways[not hook_first]()
    world.run(4)
    ways[hook_first]()
    world.run(400)

    assert world.account.balancing.seconds_without_target() == {}
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("heartbeat_s", [30, 45])
def test_short_hooks_are_held_however_their_notices_come(heartbeat_s: int, seed: int) -> None:
    """While notices come one after the other, a step takes over what another has left: its hooks, too."""
    world = World(seed=seed, timing=Timing.as_aws())
    web = world.spot_group_cluster("web", 8, mode="paused")
    group_of(web).heartbeat_s = heartbeat_s
    web.daemon("shipper")
    web.service("api", 8, requests_per_s=1, delay_s=10)
    for instance in web.instances():
        web.batch_task(instance, run_s=100)
    world.run(60)
    taken = web.ec2_instances()[:6]
    world.account.groups.fail(web.ec2_instances()[6])
    for number, one in enumerate(taken):
        world.clock.after(5.0 * number, partial(world.account.spot.reclaim, [one]))
    world.run(200)

    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)
