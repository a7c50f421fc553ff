"""Pools that launch nothing because somebody has set them so: they say why, as those that EC2 refuses do."""

from __future__ import annotations

import pytest

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.fleet_request import SpotFleet
from simulator.world import World
from steady.aws.capacity import pools
from steady.aws.capacity.kind import NoSuchPool
from steady.pools import PoolKind, PoolName


def test_a_group_whose_process_launch_is_suspended_says_so_while_it_is_short() -> None:
    world = World(seed=1)
    web = world.group_cluster("web", 3)
    web.service("api", tasks=6, cpu=1024, memory=1024)
    world.run(60)
    group = web.pool
    assert isinstance(group, AutoScalingGroup)
    group.suspended.add("Launch")

    world.account.scheduler.services.set_desired(web.state.services["api"], 10)
    world.run(300)

    reasons = [r for line in world.suite.telemetry.log_lines for r in line.fields.get("reasons", [])]
    assert any(r["rule"] == "PoolDoesNotLaunch" and "Launch is suspended" in r["text"] for r in reasons)


@pytest.mark.parametrize("process", ["AZRebalance", "AlarmNotification"])
def test_another_suspended_process_is_no_reason_for_a_group_to_be_short(process: str) -> None:
    world = World(seed=1, scaling=False)
    group = world.group_cluster("web", 3).pool
    assert isinstance(group, AutoScalingGroup)
    group.suspended.add(process)
    group.desired = 4

    pool = pools.read_pool(world.suite.runtime("test"), PoolName(PoolKind.AUTO_SCALING_GROUP, "web"))

    assert pool.trouble == ""


@pytest.mark.parametrize("state", ["failed", "cancelled", "cancelled_running", "cancelled_terminating"])
def test_a_fleet_that_no_longer_runs_is_no_pool(state: str) -> None:
    world = World(seed=1, scaling=False)
    fleet = world.spot_cluster("batch", 2).pool
    assert isinstance(fleet, SpotFleet)
    fleet.state = state

    with pytest.raises(NoSuchPool, match="correct the capacity"):
        pools.read_pool(world.suite.runtime("test"), PoolName(PoolKind.SPOT_FLEET, fleet.id))


@pytest.mark.parametrize("id_", ["sfr-00000000-0000-0000-0000-000000000000", "sfr-a-mistake"])
def test_an_id_that_no_fleet_has_or_can_have_is_no_pool(id_: str) -> None:
    world = World(seed=1, scaling=False)

    with pytest.raises(NoSuchPool, match="correct the capacity"):
        pools.read_pool(world.suite.runtime("test"), PoolName(PoolKind.SPOT_FLEET, id_))
