"""A pool that is taken out of a cluster's row: emptied first, or not at all (docs/cluster-removal.md)."""

from __future__ import annotations

from simulator.several_pools import PoolPlan, cluster_of_pools
from simulator.world import SimulatedCluster, World
from steady.drain_mark import ATTRIBUTE, DrainMark, DrainReason
from steady.pools import PoolKind

GROUP = PoolKind.AUTO_SCALING_GROUP
QUIET = {"start_at_once_share": 0, "learning": "off"}


def two_groups(seed: int) -> dict[str, SimulatedCluster]:
    world = World(seed=seed)
    pools = cluster_of_pools(world, "web", {"base": PoolPlan(GROUP, 3), "gpu": PoolPlan(GROUP, 3)}, **QUIET)
    pools["base"].service("api", tasks=12, cpu=900, memory=3000, requests_per_s=2)
    world.run(300)
    return pools


def take_out(pools: dict[str, SimulatedCluster], name: str) -> None:
    """Let the parameters of the pool go, as a deployment without it does."""
    held = pools[name].world.account.parameters.versions
    for path in [path for path in held if f"/pools/{name}/" in path]:
        del held[path]


def test_a_pool_that_is_emptied_first_loses_no_task_and_no_request() -> None:
    pools = two_groups(1)
    world = pools["gpu"].world
    for bound in ("min_capacity", "max_capacity"):
        world.account.parameters.put(f"/steady/clusters/web/pools/gpu/{bound}", 0)
    for one in pools["gpu"].ec2_instances():
        if one.id in pools["gpu"].pool.members:
            assert one.container_instance
            mark = DrainMark(DrainReason.OPERATOR, int(world.clock.now) + 86_400, int(world.clock.now))
            one.container_instance.attributes[ATTRIBUTE] = str(mark)
            world.account.scheduler.drain(one.container_instance)
        world.run(600)

    assert len(pools["base"].running()) == 12
    assert all(not one.container_instance.tasks for one in pools["gpu"].pool.members.values() if one.container_instance)
    assert pools["gpu"].target == 3, "nobody ends what a person has drained"
    take_out(pools, "gpu")
    world.run(1200)
    assert len(pools["base"].running()) == 12
    assert world.account.killed_tasks == 0
    assert world.account.balancing.failed_requests == 0


def test_a_pool_that_is_taken_out_with_its_tasks_stays_as_it_is() -> None:
    pools = two_groups(2)
    world = pools["gpu"].world
    members = set(pools["gpu"].pool.members)
    take_out(pools, "gpu")
    world.run(1800)

    assert set(pools["gpu"].pool.members) == members
    assert len(pools["base"].running()) == 12
    assert world.account.killed_tasks == 0
    assert world.suite.telemetry.errors() == []
