"""The first new instance is watched however it has come: not only the one that renewal has asked for."""

from __future__ import annotations

import pytest

from simulator.timing import Timing
from simulator.world import SimulatedCluster, World
from tests.simulator.test_renewal import IMAGE, launch_from, left

# The simulated day begins at midnight of a Thursday.
NIGHT = "Thu 04:00-08:00 UTC"


def spot_group(window: str = "always", **thresholds: int | str) -> SimulatedCluster:
    world = World(seed=1, timing=Timing.as_aws())
    set_: dict[str, int | str] = {"renew": "drift", "renew_bake_seconds": 300, "renew_budget": 50, "min_capacity": 8}
    web = world.spot_group_cluster("web", 8, "m5.large", **{**set_, "renew_window": window, **thresholds})
    web.service("api", 16, cpu=512, memory=1024, requests_per_s=2)
    world.run(900)
    return web


def said(web: SimulatedCluster) -> str:
    return "".join(str(line.fields) for line in web.world.suite.telemetry.decisions())


@pytest.mark.parametrize("trouble", ["failing", "unhealthy"])
def test_a_bad_image_that_came_with_another_launch_is_seen_before_the_window_opens(trouble: str) -> None:
    web = spot_group(NIGHT)
    getattr(web.world.account.ec2.templates, trouble).add(IMAGE)
    old = launch_from(web)
    # The market takes one instance: the group launches the new image in its place.
    web.reclaim(1)
    web.world.run(200)
    web.service("new", 24, cpu=64, memory=64, requests_per_s=1).health_check_grace_s = 0.0
    web.world.run(5 * 3600)

    assert len(left(web, old)) == 7
    assert "renewal stopped" in said(web)
    assert "RenewalBegun" not in said(web)


def test_a_canary_that_the_market_takes_while_it_bakes_is_followed_by_another_one() -> None:
    web = spot_group(renew_bake_seconds=600)
    old = launch_from(web)
    taken = 0
    for _ in range(90):
        web.world.run(20)
        new = [one for one in web.ec2_instances() if one.image == IMAGE and one.container_instance]
        if new and taken < 3:
            web.world.account.spot.reclaim(new[:1])
            taken += 1
            web.world.run(300)
    assert taken == 3
    web.world.run(4 * 3600)

    assert "renewal stopped" not in said(web)
    assert left(web, old) == set()
    assert web.target == len(web.ec2_instances()) == 8
    assert web.world.account.killed_tasks == 0
