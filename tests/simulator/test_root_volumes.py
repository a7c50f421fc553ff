"""An instance refresh that replaces root volumes: the group holds the same instances as before."""

from __future__ import annotations

import pytest

from simulator.several_pools import cluster_of_pools
from simulator.workload.pool_plan import PoolPlan
from simulator.world import World
from tests.simulator.spot_groups import group_of
from tests.simulator.test_several_pools import GROUP, QUIET, targets


@pytest.mark.parametrize("on_spot", [False, True])
def test_a_group_whose_root_volumes_are_replaced_is_neither_short_nor_asked_for_less(on_spot: bool) -> None:
    """It was passed over, and its desired capacity lowered: then the group ends instances that have tasks."""
    world = World(seed=1)
    plans = {"base": PoolPlan(GROUP, 2), "spot": PoolPlan(GROUP, 2, on_spot=on_spot)}
    pools = cluster_of_pools(world, "web", plans, **QUIET)
    group = group_of(pools["spot"])
    pools["base"].service("api", tasks=8, cpu=900, memory=3000)
    world.run(120)
    before = set(group.members)
    group.replacing_root = set(list(before)[:1])
    world.run(600)

    assert targets(pools) == {"base": 2, "spot": 2}
    assert set(group.members) == before
