"""Places that are kept free on a cluster with several pools."""

from __future__ import annotations

from simulator.several_pools import cluster_of_pools
from simulator.workload.plan import Job
from simulator.workload.pool_plan import PoolPlan
from simulator.workload.submit import Launcher
from simulator.world import World
from steady.cluster import Size
from tests.simulator.test_several_pools import GROUP, QUIET


def test_a_kind_of_large_task_that_has_waited_twice_finds_a_place_from_then_on() -> None:
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

    assert [waited_s > 30 for waited_s in waits[:2]] == [True, True]
    assert waits[2:] == [0.0] * 4
