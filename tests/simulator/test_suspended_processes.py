"""Groups whose processes are suspended: what that keeps from happening is said, and other pools are asked."""

from __future__ import annotations

import pytest

from simulator.world import World
from tests.simulator.spot_groups import group_of
from tests.simulator.test_pools_that_refuse import pools_of
from tests.simulator.test_several_pools import GROUP, targets

SAYS = "its process Launch is suspended"


@pytest.mark.parametrize("percent", [0, 100])
def test_a_group_that_may_not_launch_is_passed_over_at_once_with_the_reason(percent: int) -> None:
    world = World(seed=1)
    pools = pools_of(world, GROUP)
    world.run(60)
    group = group_of(pools["spot"])
    group.overrides, group.on_demand_percent = {"m5.large": 1}, percent
    group.suspended.add("Launch")
    pools["base"].service("api", tasks=12, cpu=1024, memory=3000)
    world.run(70)

    assert targets(pools) == {"base": 4, "spot": 2}, "asked for within a minute"
    assert SAYS in str(world.suite.telemetry.decisions()[-1].fields["reasons"])

    world.run(300)
    assert len(pools["base"].running()) == 12
    group.suspended.clear()
    pools["base"].service("more", tasks=4, cpu=1024, memory=3000)
    world.run(600)
    assert targets(pools) == {"base": 4, "spot": 4}


def test_the_only_group_of_a_cluster_says_why_it_launches_nothing() -> None:
    world = World(seed=2)
    web = world.group_cluster("web", 2)
    group_of(web).suspended.add("Launch")
    web.service("api", tasks=8, cpu=1024, memory=3000)
    world.run(180)

    assert SAYS in str(world.suite.telemetry.decisions()[-1].fields["reasons"])
