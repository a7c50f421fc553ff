"""Of any cluster with several pools: bounds hold, pools do not flap, and a broken pool costs one try a boot at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.several_pools import cluster_of_pools
from simulator.workload.pool_plan import PoolPlan
from simulator.world import SimulatedCluster, World
from steady.pools import PoolKind
from steady.scaling.expander import EXPANDERS

BOOT_TIMEOUT_S = 300
TYPES = ("m5.large", "m6g.xlarge", "r5.xlarge", "c5.2xlarge")
Views = Mapping[str, SimulatedCluster]


@dataclass(frozen=True)
class Drawn:
    """Some pools with their own bounds, an expander, and services of so many tasks, CPU units and MiB."""

    pools: Mapping[str, PoolPlan]
    expander: str
    share: int
    services: tuple[tuple[int, int, int], ...]
    seed: int

    def build(self) -> tuple[World, Views]:
        world = World(self.seed)
        thresholds: dict[str, int | str] = {"expander": self.expander, "on_demand_share": self.share}
        thresholds |= {"boot_timeout_seconds": BOOT_TIMEOUT_S, "start_at_once_share": 0, "learning": "off"}
        views = cluster_of_pools(world, "web", self.pools, **thresholds)
        for number, (tasks, cpu, memory) in enumerate(self.services):
            self.any(views).service(f"s{number}", tasks, cpu=cpu, memory=memory)
        return world, views

    @staticmethod
    def any(views: Views) -> SimulatedCluster:
        return next(iter(views.values()))


@st.composite
def plans(draw: st.DrawFn) -> PoolPlan:
    kind, on_spot = draw(
        st.sampled_from(
            [
                (PoolKind.AUTO_SCALING_GROUP, False),
                (PoolKind.AUTO_SCALING_GROUP, True),
                (PoolKind.SPOT_FLEET, False),
            ]
        )
    )
    least = draw(st.integers(0, 2))
    most = least + draw(st.integers(1, 6))
    parameters = {"min_capacity": least, "max_capacity": most, "priority": draw(st.integers(0, 2))}
    return PoolPlan(kind, draw(st.integers(least, most)), {draw(st.sampled_from(TYPES)): 1}, on_spot, parameters)


@st.composite
def clusters(draw: st.DrawFn) -> Drawn:
    found = draw(st.lists(plans(), min_size=2, max_size=3))
    services = st.tuples(st.integers(1, 12), st.sampled_from((128, 512, 1500)), st.sampled_from((256, 1500, 5000)))
    return Drawn(
        {f"p{number}": plan for number, plan in enumerate(found)},
        draw(st.sampled_from(sorted(EXPANDERS))),
        draw(st.sampled_from((0, 0, 30))),
        tuple(draw(st.lists(services, min_size=1, max_size=3))),
        draw(st.integers(0, 1000)),
    )


@settings(max_examples=12)
@given(clusters(), st.lists(st.integers(0, 30), min_size=3, max_size=3))
def test_no_target_leaves_the_bounds_of_its_pool(drawn: Drawn, desired: list[int]) -> None:
    world, views = drawn.build()
    for wanted in desired:
        for service in Drawn.any(views).state.services.values():
            world.account.scheduler.services.set_desired(service, wanted)
        for _ in range(20):
            world.run(60)
            for name, view in views.items():
                bounds = drawn.pools[name].parameters
                assert bounds["min_capacity"] <= view.target <= bounds["max_capacity"]


@settings(max_examples=12)
@given(clusters())
def test_pools_whose_work_does_not_change_come_to_rest(drawn: Drawn) -> None:
    world, views = drawn.build()
    world.run(2 * 3600)
    calm, seen = {name: view.target for name, view in views.items()}, set(world.account.ec2.instances)
    for _ in range(60):
        world.run(120)
        targets = {name: view.target for name, view in views.items()}
        # It may still become smaller; what went does not come back, here or in another pool.
        assert all(targets[name] <= calm[name] for name in views)
        calm = targets
        assert set(world.account.ec2.instances) <= seen


@settings(max_examples=10)
@given(st.sampled_from(("no capacity", "no boot")), st.booleans(), st.integers(6, 18), st.integers(0, 1000))
def test_a_broken_pool_costs_one_try_a_boot(how: str, as_fleet: bool, tasks: int, seed: int) -> None:
    kind = PoolKind.SPOT_FLEET if as_fleet else PoolKind.AUTO_SCALING_GROUP
    bounds = {"max_capacity": 20}
    pools = {
        "ill": PoolPlan(kind, 1, {"m6g.large": 1}, not as_fleet, bounds),
        "well": PoolPlan(PoolKind.AUTO_SCALING_GROUP, 1, {"m5.large": 1}, parameters=bounds),
    }
    world, views = Drawn(pools, "price", 0, (), seed).build()
    world.run(60)
    ill = views["ill"].pool
    if how == "no capacity":
        world.account.spot.set_available(ill, 0.0)
        world.run(300)
    else:
        ill.image_boots = False
    views["well"].service("api", tasks, cpu=1024, memory=3000)
    rises, before = 0, views["ill"].target
    # Until it has failed for the fourth time: each try takes a boot, and it is passed over for 300, 600 and 1200 s.
    for _ in range((4 * BOOT_TIMEOUT_S + 2100) // 10):
        world.run(10)
        rises += views["ill"].target > before
        before = views["ill"].target

    assert len(views["well"].running()) == tasks
    assert rises <= 4
