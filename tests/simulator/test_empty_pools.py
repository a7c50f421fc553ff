"""Pools without an instance: what they can hold is known nevertheless, from EC2 and from their launch templates."""

from __future__ import annotations

from simulator.several_pools import cluster_of_pools
from simulator.workload.pool_plan import PoolPlan
from simulator.world import World
from tests.simulator.test_several_pools import FLEET, GROUP, QUIET, targets


def test_an_empty_group_gets_only_tasks_that_the_type_in_its_template_holds() -> None:
    """The group names no type and has no instance: it is the cheaper one, and has no GPU."""
    world = World(seed=17)
    plans = {"base": PoolPlan(GROUP, 0), "gpu": PoolPlan(GROUP, 0, {"g4dn.xlarge": 1})}
    pools = cluster_of_pools(world, "web", plans, **{**QUIET, "expander": "price"})
    pools["base"].service("infer", tasks=1, cpu=512, memory=1000, gpus=1)
    world.run(400)

    assert targets(pools) == {"base": 0, "gpu": 1}
    assert len(pools["base"].running()) == 1


def test_a_task_for_arm64_goes_to_an_empty_pool_of_that_architecture() -> None:
    world = World(seed=18)
    plans = {
        "x86": PoolPlan(FLEET, 0, {"m5.large": 1}),
        "arm": PoolPlan(FLEET, 0, {"m6g.2xlarge": 1}),
    }
    pools = cluster_of_pools(world, "web", plans, **{**QUIET, "expander": "price"})
    only = ("attribute:ecs.cpu-architecture == arm64",)
    pools["x86"].service("built-for-arm", tasks=1, cpu=512, memory=1000, member_of=only)
    world.run(400)

    assert targets(pools) == {"x86": 0, "arm": 1}
    assert len(pools["arm"].running()) == 1
