"""Units of capacity: a pool may count in weights that are no whole numbers, in vCPUs, or in MiB of memory."""

from __future__ import annotations

import pytest

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.fleet_request import SpotFleet
from simulator.world import SimulatedCluster, World
from tests.simulator.scaled_clusters import cluster

KINDS = ("spot", "group")
# m5.large: 2 vCPUs and 8192 MiB.
UNITS = {"vcpu": 2, "memory-mib": 8192}


def counted_in(world: World, kind: str, unit: str, instances: int) -> SimulatedCluster:
    """A cluster whose pool selects types by attributes, and counts its capacity in `unit`."""
    of_one = UNITS[unit]
    web = cluster(world, kind, instances, min_capacity=of_one, max_capacity=90_000, learning="off")
    pool = web.pool
    pool.unit = unit
    if isinstance(pool, SpotFleet):
        pool.weights, pool.target = {"m5.large": of_one}, instances * of_one
    else:
        pool.overrides, pool.desired, pool.maximum = {"m5.large": of_one}, instances * of_one, 1_000_000
    return web


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unit", UNITS)
def test_a_pool_that_counts_vcpus_or_memory_grows_and_shrinks(kind: str, unit: str) -> None:
    world = World(seed=6)
    web = counted_in(world, kind, unit, 2)
    more = web.service("api", 4, cpu=850, memory=1000)
    world.run(200)
    assert more.counts() == (4, 0)

    world.account.scheduler.services.set_desired(more, 8)
    world.run(300)
    assert more.counts() == (8, 0)
    assert len(web.ec2_instances()) <= 5

    world.account.scheduler.services.set_desired(more, 1)
    world.run(3600)
    assert len(web.ec2_instances()) == 1
    assert world.suite.telemetry.errors() == []


def test_a_fleets_weights_need_not_be_whole_numbers() -> None:
    world = World(seed=6)
    web = cluster(world, "spot", 3, learning="off")
    assert isinstance(web.pool, SpotFleet)
    web.pool.weights = {"m5.large": 1.5}
    web.pool.target = 4
    more = web.service("api", 6, cpu=850, memory=1000)
    world.run(100)

    world.account.scheduler.services.set_desired(more, 10)
    world.run(300)
    assert more.counts() == (10, 0)
    assert len(web.ec2_instances()) == 5

    world.account.scheduler.services.set_desired(more, 1)
    world.run(3600)
    assert len(web.ec2_instances()) == 1
    assert world.suite.telemetry.errors() == []


def test_a_group_counts_each_instance_by_its_own_weight() -> None:
    world = World(seed=6)
    web = cluster(world, "group", 2, learning="off")
    assert isinstance(web.pool, AutoScalingGroup)
    web.pool.overrides, web.pool.desired = {"m5.large": 3}, 6
    more = web.service("api", 4, cpu=850, memory=1000)
    world.run(100)

    world.account.scheduler.services.set_desired(more, 8)
    world.run(300)

    assert more.counts() == (8, 0)
    assert web.target == 12
