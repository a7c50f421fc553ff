"""Placement constraints on an attribute that names a pool: the pool is found before it has an instance."""

from __future__ import annotations

import pytest

from simulator.several_pools import PoolPlan, cluster_of_pools
from simulator.world import World
from steady.pools import PoolKind

GROUP = PoolKind.AUTO_SCALING_GROUP
SMALL, LARGE = {"m5.large": 1, "m5a.large": 1}, {"m5.4xlarge": 1, "m5a.4xlarge": 1}
QUIET = {"start_at_once_share": 0, "learning": "off"}


@pytest.mark.parametrize("expander", ["price", "priority", "least-waste"])
@pytest.mark.parametrize(
    "expression",
    ["attribute:pool == large", "attribute:pool != small", "not(attribute:pool in [small, other])"],
)
def test_a_task_that_names_an_empty_pool_gets_an_instance_of_it_alone(expander: str, expression: str) -> None:
    world = World(seed=1)
    plans = {
        "small": PoolPlan(GROUP, 0, SMALL, attributes={"pool": "small"}, parameters={"priority": 10}),
        "large": PoolPlan(GROUP, 0, LARGE, attributes={"pool": "large"}),
    }
    pools = cluster_of_pools(world, "web", plans, **QUIET, expander=expander)
    pools["small"].service("api", tasks=2, cpu=512, memory=1000, member_of=(expression,))
    world.run(600)

    assert {name: len(view.ec2_instances()) for name, view in pools.items()} == {"small": 0, "large": 1}
    assert len(pools["small"].running()) == 2
