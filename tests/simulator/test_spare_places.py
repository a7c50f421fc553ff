"""Places that are kept free on a cluster with several pools."""

from __future__ import annotations

from simulator.several_pools import cluster_of_pools
from simulator.suite import LEDGER_TABLE
from simulator.workload.plan import Job
from simulator.workload.pool_plan import PoolPlan
from simulator.workload.submit import Launcher
from simulator.world import World
from steady.aws.scaling import ledger
from steady.cluster import Size
from tests.simulator.spot_groups import group_of
from tests.simulator.test_several_pools import GROUP, QUIET


def test_a_kind_of_large_task_that_has_waited_once_finds_a_place_from_then_on() -> None:
    """The free room of all instances together would hold it, but that of no single one."""
    world = World(seed=22)
    plans = {name: PoolPlan(GROUP, 2, {"m5.2xlarge": 1}, parameters={"max_capacity": 20}) for name in ("a", "b")}
    pools = cluster_of_pools(world, "web", plans, **{**QUIET, "start_at_once_share": 97, "expander": "price"})
    pools["a"].service("api", tasks=8, cpu=3072, memory=1000)
    world.run(300)
    waits: list[float] = []
    launcher = Launcher(pools["a"], 0, lambda job, waited_s, task: waits.append(waited_s), "web-a")
    launcher.submit(tuple(Job(number * 3000.0, "large", Size(6000, 20_000), 600.0) for number in range(6)))
    world.run(6 * 3000)

    assert waits[0] > 30
    assert waits[1:] == [0.0] * 5


def test_each_pool_learns_from_the_tasks_that_started_on_its_own_instances_while_others_ended() -> None:
    """A pool with as many tasks at each look: by their number, none has come, and it forgot nothing of what waited."""
    world = World(seed=3)
    plans = {name: PoolPlan(GROUP, 2, parameters={"min_capacity": 2}) for name in ("base", "other")}
    pools = cluster_of_pools(world, "web", plans)
    world.run(150)
    on = [one for one in pools["other"].instances() if one.ec2_id in group_of(pools["other"]).members]
    for minute in range(20):
        pools["other"].batch_task(on[minute % 2], run_s=60.0)
        world.run(60)

    found = ledger.load(world.suite.runtime("test"), LEDGER_TABLE, "web").state.pools

    assert found["other"].started >= 15
    assert found["base"].started <= 2
