"""Renewal in a cluster with several pools: each is renewed, and none is larger afterwards than before."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.several_pools import PoolPlan, cluster_of_pools
from simulator.timing import Timing
from simulator.world import SimulatedCluster, World
from steady.pools import PoolKind

GROUP, FLEET = PoolKind.AUTO_SCALING_GROUP, PoolKind.SPOT_FLEET
IMAGE = "ami-00000000000000002"
QUIET: dict[str, Any] = {
    "start_at_once_share": 0,
    "learning": "off",
    "renew": "drift",
    "renew_bake_seconds": 120,
    "renew_budget": 50,
}


def two_pools(seed: int = 1, base: int = 4, spot: int = 4, **thresholds: int | str) -> dict[str, SimulatedCluster]:
    world = World(seed=seed, timing=Timing.as_aws())
    plans = {"base": PoolPlan(GROUP, base), "spot": PoolPlan(FLEET, spot)}
    pools = cluster_of_pools(world, "web", plans, **{**QUIET, **thresholds})
    tasks = 2 * (base + spot)
    pools["base"].service("api", tasks=tasks, cpu=800, memory=2500, requests_per_s=2)
    world.run(900)
    return pools


def launch_from(pools: dict[str, SimulatedCluster], *names: str, image: str = IMAGE) -> set[str]:
    """Let some pools launch from another image from now on; return the ids of their old instances."""
    for name in names:
        pool = pools[name].pool
        pools[name].world.account.ec2.templates.of(pool.template).images.append(image)
        pool.template_version = "$Latest"
    return {one.id for name in names for one in members(pools[name])}


def members(view: SimulatedCluster) -> list[Any]:
    return list(view.pool.members.values())


def sizes(pools: dict[str, SimulatedCluster]) -> dict[str, int]:
    return {name: view.target for name, view in pools.items()}


@pytest.mark.parametrize("share", [0, 50, 70])
@pytest.mark.parametrize("names", [("base",), ("spot",), ("base", "spot")], ids=" and ".join)
def test_pools_are_renewed_and_are_as_large_as_before(names: tuple[str, ...], share: int) -> None:
    pools = two_pools(on_demand_share=share)
    world, before = pools["base"].world, sizes(pools)
    old, most = launch_from(pools, *names), 0
    for _ in range(5 * 60):
        world.run(60)
        most = max(most, sum(sizes(pools).values()))

    now = {one.id for view in pools.values() for one in members(view)}
    assert old & now == set()
    assert sizes(pools) == before
    assert most <= sum(before.values()) + 2 * len(names)
    assert len(pools["base"].running()) == 16
    assert world.account.killed_tasks == 0
    assert world.account.balancing.failed_requests == world.account.balancing.unserved_requests == 0


@pytest.mark.parametrize("name", ["base", "spot"])
def test_an_image_that_never_registers_ends_the_renewal_of_its_pool_and_of_no_other(name: str) -> None:
    pools = two_pools(seed=3, boot_timeout_seconds=300)
    world, before = pools["base"].world, sizes(pools)
    world.account.ec2.templates.broken.add(IMAGE)
    bad = launch_from(pools, name)
    [other] = {"base", "spot"} - {name}
    good = launch_from(pools, other, image="ami-00000000000000003")
    world.run(3 * 3600)

    assert bad == {one.id for one in members(pools[name])}
    assert good & {one.id for one in members(pools[other])} == set()
    assert sizes(pools) == before
    assert len(pools["base"].running()) == 16
    # Work that comes goes to the pool that launches what works.
    pools["base"].service("more", tasks=6, cpu=800, memory=2500)
    world.run(1800)
    assert len(pools["base"].running()) == 22
    assert sizes(pools)[name] <= before[name] + 1, "one try at a time"
    assert world.account.killed_tasks == 0


def test_a_pool_without_capacity_is_renewed_once_it_has_some_and_nothing_comes_twice() -> None:
    pools = two_pools(seed=4)
    world, before = pools["base"].world, sizes(pools)
    world.account.spot.set_available(pools["spot"].pool, 0.8)  # type: ignore[arg-type]
    old = launch_from(pools, "base", "spot")
    for _ in range(2 * 60):
        world.run(60)
        # Two of each pool are renewed at once.
        assert sum(sizes(pools).values()) <= sum(before.values()) + 4
    world.account.spot.set_available(pools["spot"].pool, 1.0)  # type: ignore[arg-type]
    world.run(4 * 3600)

    assert old & {one.id for view in pools.values() for one in members(view)} == set()
    # Tasks that Spot had no place for have come back to it by scale-in.
    assert sum(sizes(pools).values()) == sum(before.values())
    assert world.account.killed_tasks == 0


@pytest.mark.parametrize("share", [0, 50])
def test_interruptions_while_pools_are_renewed_leave_them_as_large_as_before(share: int) -> None:
    pools = two_pools(seed=5, on_demand_share=share)
    world = pools["base"].world
    launch_from(pools, "base", "spot")
    for number in range(6):
        world.run(600)
        pools["spot"].reclaim(1)
        if number % 2:
            one = members(pools["base"])[0]
            world.account.groups.terminate_instance_in_auto_scaling_group(
                {"InstanceId": one.id, "ShouldDecrementDesiredCapacity": False}
            )
    world.run(5 * 3600)

    assert {one.image for view in pools.values() for one in members(view)} == {IMAGE}
    assert sum(sizes(pools).values()) == 8
    assert len(pools["base"].running()) == 16
    assert world.account.balancing.failed_requests == 0


def test_the_share_of_on_demand_does_not_rise_with_each_instance_that_is_replaced() -> None:
    """Two instances in three of the pool are replaced by its own group, one after the other, at a share that binds."""
    pools = two_pools(seed=6, on_demand_share=50, renew="off")
    world, before = pools["base"].world, sizes(pools)
    for one in list(members(pools["base"])):
        world.account.groups.terminate_instance_in_auto_scaling_group(
            {"InstanceId": one.id, "ShouldDecrementDesiredCapacity": False}
        )
        world.run(900)
    world.run(1200)

    assert sizes(pools) == before
    assert len(pools["base"].running()) == 16
