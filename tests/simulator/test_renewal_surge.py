"""One budget for the surge of a pool: renewal, and Spot that takes the places of on-demand instances back, share it."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.timing import Timing
from simulator.world import SimulatedCluster, World
from tests.simulator.spot_groups import on_demand
from tests.simulator.test_renewal import IMAGE, launch_from, left

KINDS = ("group", "fleet")


def short_of_spot(kind: str, instances: int, share: float, seed: int = 1, **thresholds: int | str) -> SimulatedCluster:
    """A cluster whose market has had too little for a while, so that a part of it runs on-demand."""
    world = World(seed, timing=Timing.as_aws())
    set_: dict[str, Any] = {
        "start_at_once_share": 0,
        "learning": "off",
        "renew": "drift",
        "renew_bake_seconds": 120,
        "min_capacity": instances,
        "max_capacity": 2 * instances,
        **thresholds,
    }
    build = world.spot_group_cluster if kind == "group" else world.spot_cluster
    web = build("web", instances, "m5.large", **set_)
    web.service("api", 2 * instances, cpu=512, memory=1024, requests_per_s=2)
    world.run(300)
    world.account.spot.set_available(web.pool, share)
    world.run(1200)
    return web


def counted(web: SimulatedCluster) -> set[str]:
    """Return the instances that the pool counts: a group counts none that waits under its hook."""
    pool = web.pool
    return {one.id for one in (pool.staying() if isinstance(pool, AutoScalingGroup) else pool.members.values())}


def most_while_renewed(web: SimulatedCluster, old: set[str], hours: int = 6) -> tuple[int, int]:
    """Run until none of `old` is left, which it must be within `hours`.

    Return the most units that were asked for, and that the pool held.
    """
    asked = held = 0
    for _ in range(hours * 180):
        web.world.run(20)
        asked, held = max(asked, web.target), max(held, len(counted(web)))
        if not old & counted(web):
            break
    assert not old & counted(web)
    return asked, held


@pytest.mark.parametrize("kind", KINDS)
def test_spot_is_won_back_within_the_budget_of_a_renewal(kind: str) -> None:
    web = short_of_spot(kind, 20, 0.5)
    assert on_demand(web) >= 5
    killed = web.world.account.killed_tasks
    old = launch_from(web)
    # What Spot was asked for before the change of image is asked for no longer.
    web.world.run(120)
    web.world.account.spot.set_available(web.pool, 1.0)

    asked, held = most_while_renewed(web, old)

    assert asked <= 22
    assert held <= 22
    web.world.run(3600)
    assert on_demand(web) == 0
    assert web.target == len(web.ec2_instances()) == 20
    assert web.world.account.killed_tasks == killed
    assert web.world.account.balancing.failed_requests == web.world.account.balancing.unserved_requests == 0


@pytest.mark.parametrize("kind", KINDS)
def test_spot_that_is_short_during_a_renewal_makes_the_pool_no_larger(kind: str) -> None:
    web = short_of_spot(kind, 20, 1.0)
    old = launch_from(web)
    web.world.run(900)
    web.world.account.spot.set_available(web.pool, 0.6)
    web.world.run(900)
    web.world.account.spot.set_available(web.pool, 1.0)

    asked, held = most_while_renewed(web, old)

    assert asked <= 22
    assert held <= 22
    web.world.run(3600)
    assert (on_demand(web), web.target, len(web.ec2_instances())) == (0, 20, 20)


@pytest.mark.parametrize("kind", KINDS)
def test_no_place_of_an_on_demand_instance_is_taken_by_an_image_that_is_no_good(kind: str) -> None:
    web = short_of_spot(kind, 10, 0.5, boot_timeout_seconds=300)
    old = launch_from(web)
    web.world.account.ec2.templates.broken.add(IMAGE)
    web.world.run(120)
    web.world.account.spot.set_available(web.pool, 1.0)
    launched: set[str] = set()
    for _ in range(2 * 60):
        web.world.run(60)
        launched |= {one.id for one in web.ec2_instances() if one.image == IMAGE}

    assert left(web, old) == old
    # What healing tries again, at growing intervals, is one at a time.
    assert len(launched) <= 2


@pytest.mark.parametrize("kind", KINDS)
def test_spot_is_won_back_in_a_pool_that_is_at_its_max_capacity(kind: str) -> None:
    web = short_of_spot(kind, 10, 0.5, renew="off", max_capacity=10)
    assert on_demand(web) > 0
    web.world.account.spot.set_available(web.pool, 1.0)
    web.world.run(3600)

    assert (on_demand(web), web.target) == (0, 10)
