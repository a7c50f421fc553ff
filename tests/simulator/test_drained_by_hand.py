"""Instances that a person has drained, and leaves there: they stay, and no other instance comes and goes for them."""

from __future__ import annotations

import pytest

from simulator.world import SimulatedCluster, World
from tests.simulator.spot_groups import drained_by_hand, fleet_with_part, on_demand, on_demand_part, with_base

SHORTAGE_S = 600


def launched(world: World) -> set[str]:
    return set(world.account.ec2.instances)


def after_a_shortage(world: World, web: SimulatedCluster, count: int) -> set[str]:
    """Drain `count` on-demand instances by hand while Spot is short, let Spot come back, and return their ids."""
    world.account.spot.set_available(web.pool, 0.25)
    world.run(SHORTAGE_S)
    ids = drained_by_hand(web, [i for i in web.ec2_instances() if i.on_demand][:count])
    world.run(SHORTAGE_S)
    world.account.spot.set_available(web.pool, 1.0)
    world.run(1800)
    return ids


@pytest.mark.parametrize("kind", ["fleet", "group"])
@pytest.mark.parametrize("part", [0, 2])
@pytest.mark.parametrize("count", [1, 2])
def test_on_demand_instances_drained_by_hand_make_no_other_instance_come_and_go(
    kind: str, part: int, count: int
) -> None:
    world = World(seed=1)
    web = fleet_with_part(world, 8, part=part) if kind == "fleet" else with_base(world, 8, base=part)
    ids = after_a_shortage(world, web, count)
    settled = launched(world)

    world.run(3600)

    assert launched(world) <= settled, "none is launched, for another one to be ended"
    assert ids <= {i.id for i in web.ec2_instances()}
    assert on_demand(web) == max(part, count), "all others that Spot can have are Spot Instances again"
    assert on_demand_part(web) == on_demand(web)
    assert len(web.running()) == 16
    assert world.account.killed_tasks == 0
