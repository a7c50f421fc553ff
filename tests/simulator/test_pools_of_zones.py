"""Groups in some zones only: a task that names a zone goes to a group that launches in it."""

from __future__ import annotations

import pytest

from simulator.several_pools import cluster_of_pools
from simulator.workload.pool_plan import PoolPlan
from simulator.world import World
from tests.simulator.test_several_pools import GROUP, QUIET

A, B, C = "us-east-1a", "us-east-1b", "us-east-1c"


@pytest.mark.parametrize("expander", ["price", "priority", "least-waste"])
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    "expression",
    [
        f"attribute:ecs.availability-zone == {B}",
        f"attribute:ecs.availability-zone in [{B}, us-east-1f]",
        "attribute:ecs.availability-zone =~ .*-1b",
        f"not(attribute:ecs.availability-zone in [{A}, {C}])",
        f"attribute:ecs.availability-zone == {B} and attribute:ecs.instance-type =~ m5.*",
    ],
)
def test_a_task_that_names_a_zone_gets_an_instance_of_it_at_once(expander: str, first: int, expression: str) -> None:
    world = World(seed=1)
    plans = {
        "ac": PoolPlan(GROUP, first, parameters={"priority": 10}, zones=(A, C)),
        "bc": PoolPlan(GROUP, first, {"m5.xlarge": 1}, zones=(C, B)),
    }
    pools = cluster_of_pools(world, "web", plans, **{**QUIET, "expander": expander})
    world.run(60)
    there = {name: len(view.ec2_instances()) for name, view in pools.items()}
    pools["ac"].service("api", tasks=2, cpu=1800, memory=1000, member_of=(expression,))
    world.run(900)

    assert len(pools["ac"].running()) == 2
    assert len(pools["ac"].ec2_instances()) <= there["ac"], "no instance in a zone that the task cannot use"


def test_a_zone_of_no_pool_buys_nothing() -> None:
    world = World(seed=2)
    plans = {"a": PoolPlan(GROUP, 1, zones=(A,)), "b": PoolPlan(GROUP, 1, zones=(B,))}
    pools = cluster_of_pools(world, "web", plans, **QUIET)
    pools["a"].service("api", tasks=2, cpu=1800, memory=1000, member_of=(f"attribute:ecs.availability-zone == {C}",))
    world.run(1800)

    assert len(world.account.ec2.instances) == 2


def test_a_group_of_several_zones_may_launch_in_one_where_it_has_no_instance() -> None:
    world = World(seed=3)
    plans = {"a": PoolPlan(GROUP, 1, zones=(A,)), "abc": PoolPlan(GROUP, 1)}
    pools = cluster_of_pools(world, "web", plans, **QUIET)
    missing = {A, B, C} - {one.zone for one in pools["abc"].ec2_instances()}
    for zone in sorted(missing):
        only = (f"attribute:ecs.availability-zone == {zone}",)
        pools["a"].service(f"in-{zone}", tasks=1, cpu=1800, memory=1000, member_of=only)
    world.run(1800)

    assert len(pools["a"].running()) == len(missing)
