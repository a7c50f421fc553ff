"""The mark of a changed on-demand part does not outlive the change: it would take the owner's later part for ours."""

from __future__ import annotations

import pytest

from simulator.clock import Crashed
from simulator.errors import AwsError
from simulator.faults import Hooked
from simulator.fleet_request import SpotFleet
from simulator.world import SimulatedCluster, World
from tests.simulator.spot_groups import (
    changed,
    fleet_with_part,
    group_of,
    on_demand,
    on_demand_part,
    set_base,
    with_base,
)

KINDS = ("fleet", "group")
DELETE = {"fleet": "ec2:DeleteTags", "group": "autoscaling:DeleteTags"}


def built(world: World, kind: str, own: int) -> SimulatedCluster:
    return fleet_with_part(world, 8, part=own) if kind == "fleet" else with_base(world, 8, base=own)


def set_part(web: SimulatedCluster, part: int) -> None:
    """Set the on-demand part as the pool's owner does."""
    if isinstance(web.pool, SpotFleet):
        params = {"SpotFleetRequestId": web.pool.id, "OnDemandTargetCapacity": part}
        web.world.account.endpoint.answer("operator", "ec2:ModifySpotFleetRequest", params)
    else:
        set_base(web.world, part)


def shortage(web: SimulatedCluster, available: float = 0.25) -> None:
    """Let Spot be short, and come back; the on-demand part follows."""
    web.world.account.spot.set_available(web.pool, available)
    web.world.run(400)
    web.world.account.spot.set_available(web.pool, 1.0)
    web.world.run(1800)


@pytest.mark.parametrize("kind", KINDS)
def test_an_owner_who_sets_a_part_twice_during_a_shortage_gets_the_second_one(kind: str) -> None:
    world = World(seed=1)
    web = built(world, kind, 1)
    world.account.spot.set_available(web.pool, 0.5)
    while (raised := on_demand_part(web)) == 1:
        world.run(5)
    # A fleet takes no other change while it is modifying.
    world.run(5)
    world.account.spot.set_available(web.pool, 1.0)
    set_part(web, raised + 1)
    world.run(1200)
    assert web.pool.tags == {}, "the part is the owner's now"

    # The number is the one that the suite had set.
    set_part(web, raised)
    world.run(1800)
    shortage(web)

    assert (on_demand_part(web), on_demand(web)) == (raised, raised)


@pytest.mark.parametrize("kind", KINDS)
def test_a_crash_before_the_mark_is_deleted_leaves_none(kind: str) -> None:
    world = World(seed=2)
    web = built(world, kind, 2)
    crashes: list[str] = []

    def crash(at: str, name: str) -> None:
        if (at, name) == ("before", DELETE[kind]) and not crashes:
            crashes.append(name)
            raise Crashed

    world.account.endpoint.fault = Hooked(crash)
    shortage(web)

    assert crashes
    assert web.pool.tags == {}
    assert (on_demand_part(web), on_demand(web), web.target) == (2, 2, 8)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mark_that_may_not_be_deleted_stops_nothing_else(kind: str) -> None:
    world = World(seed=3)
    web = built(world, kind, 2)

    def refuse(at: str, name: str) -> None:
        if (at, name) == ("before", DELETE[kind]):
            raise AwsError("AccessDenied", "You are not authorized to perform this operation.", 403)

    world.account.endpoint.fault = Hooked(refuse)
    shortage(web)
    assert (on_demand_part(web), on_demand(web), web.target) == (2, 2, 8)
    web.service("more", 4, cpu=1000, memory=1000)
    world.run(600)

    assert len(web.running()) == 20
    assert any("is out of date, and could not be deleted" in line.message for line in world.suite.telemetry.log_lines)


def test_an_owner_who_sets_a_share_during_a_shortage_gets_the_own_base_back() -> None:
    world = World(seed=4)
    web = with_base(world, 8, base=2)
    world.account.spot.set_available(web.pool, 0.25)
    world.run(300)
    assert group_of(web).on_demand_base > 2

    policy = {"InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": 50}}
    changed(world, AutoScalingGroupName="web", MixedInstancesPolicy=policy)
    world.account.spot.set_available(web.pool, 1.0)
    world.run(1800)

    assert (group_of(web).on_demand_base, group_of(web).on_demand_percent) == (2, 50)
    assert group_of(web).tags == {}
    assert on_demand(web) == group_of(web).on_demand_target()
    assert world.account.killed_tasks == 0


@pytest.mark.parametrize("base", [0, 3])
def test_a_base_beside_a_share_is_left_as_it_is(base: int) -> None:
    world = World(seed=5)
    web = with_base(world, 8, base=base)
    group_of(web).on_demand_percent = 50
    world.run(600)
    shortage(web, 0.75)

    assert (group_of(web).on_demand_base, group_of(web).on_demand_percent, group_of(web).tags) == (base, 50, {})
    assert len(web.running()) == 16
