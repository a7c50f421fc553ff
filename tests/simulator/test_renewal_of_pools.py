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
