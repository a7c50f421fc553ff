"""Services whose tasks are kept apart (distinctInstance): each task needs an instance of its own, in any pool."""

from __future__ import annotations

from collections import Counter

import pytest

from simulator.several_pools import cluster_of_pools
from simulator.workload.pool_plan import PoolPlan
from simulator.world import World
from tests.simulator.test_several_pools import FLEET, GROUP, QUIET, targets

LARGE = {"c5.xlarge": 1}


@pytest.mark.parametrize("kinds", [{"only": GROUP}, {"base": GROUP, "spot": FLEET}])
def test_scale_in_takes_no_instance_that_a_task_needs_for_itself(kinds: dict[str, str]) -> None:
    """The instances are hardly used: each was emptied, and launched again for the task that found no other one."""
    world = World(seed=1)
    plans = {name: PoolPlan(kind, 1, LARGE) for name, kind in kinds.items()}
    pools = cluster_of_pools(world, "web", plans, **QUIET)
    view = next(iter(pools.values()))
    view.service("api", tasks=8, cpu=600, memory=1000, distinct=True)
    world.run(1200)
    calm, seen = targets(pools), len(world.account.ec2.instances)
    world.run(3600)

    assert len(view.running()) == 8
    assert targets(pools) == calm
    assert len(world.account.ec2.instances) == seen


def test_tasks_that_are_kept_apart_fill_one_pool_and_then_the_next() -> None:
    world = World(seed=2)
    plans = {
        "base": PoolPlan(GROUP, 0, LARGE, parameters={"max_capacity": 9}),
        "spot": PoolPlan(FLEET, 0, LARGE, parameters={"max_capacity": 3, "priority": 10}),
    }
    pools = cluster_of_pools(world, "web", plans, **QUIET)
    pools["base"].service("api", tasks=7, cpu=128, memory=256, distinct=True)
    world.run(900)

    assert targets(pools) == {"base": 4, "spot": 3}
    assert set(Counter(task.instance.arn for task in pools["base"].running()).values()) == {1}


def test_a_pool_shrinks_once_its_tasks_fit_on_instances_without_a_sister() -> None:
    world = World(seed=3)
    plans = {"base": PoolPlan(GROUP, 3, LARGE), "spot": PoolPlan(FLEET, 3, LARGE)}
    pools = cluster_of_pools(world, "web", plans, **{**QUIET, "expander": "price"})
    service = pools["base"].service("api", tasks=6, cpu=600, memory=1000, distinct=True)
    world.run(300)
    world.account.scheduler.services.set_desired(service, 2)
    world.run(3600)

    assert len(pools["base"].running()) == 2
    assert sum(targets(pools).values()) == 2
