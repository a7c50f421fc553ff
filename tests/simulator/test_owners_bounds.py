"""Bounds of a group that its owner changes behind the suite's back: they hold before the operator's thresholds."""

from __future__ import annotations

import pytest

from simulator.several_pools import cluster_of_pools
from simulator.workload.pool_plan import PoolPlan
from simulator.world import World
from steady.cluster import Snapshot
from steady.pools import Pool, PoolKind, PoolName
from steady.scaling.pool import Bounds
from steady.thresholds import Thresholds
from tests.simulator.spot_groups import QUIET, changed

GROUP = PoolKind.AUTO_SCALING_GROUP


@pytest.mark.parametrize(
    ("own", "thresholds", "bounds"),
    [
        ((5, 10), (0, 3), (5, 5)),
        ((5, 10), (0, 8), (5, 8)),
        ((0, 4), (6, 9), (4, 4)),
        ((0, 10), (2, 3), (2, 3)),
    ],
)
def test_no_bound_is_outside_of_the_groups_own(
    own: tuple[int, int], thresholds: tuple[int, int], bounds: tuple[int, int]
) -> None:
    pool = Pool(PoolName(GROUP, "web"), 5, *own)
    snapshot = Snapshot("web", at=0.0, instances=(), services=(), pool=pool)
    low, high = thresholds

    assert Bounds.of(snapshot, Thresholds(min_capacity=low, max_capacity=high)) == Bounds(*bounds)


def test_a_groups_minimum_over_the_operators_maximum_drains_no_instance_that_stays() -> None:
    world = World(seed=1)
    plans = {
        "base": PoolPlan(GROUP, 6, parameters={"min_capacity": 0, "max_capacity": 3}),
        "spot": PoolPlan(GROUP, 2, on_spot=True),
    }
    pools = cluster_of_pools(world, "web", plans, **QUIET)
    changed(world, AutoScalingGroupName="web-base", MinSize=5)
    pools["base"].service("api", tasks=2, cpu=1024, memory=3000)
    world.run(2400)

    assert pools["base"].target == 5
    assert {i.status for i in pools["base"].state.instances.values()} == {"ACTIVE"}
    assert "TerminationsRefused" not in str([one.fields["reasons"] for one in world.suite.telemetry.decisions()])
