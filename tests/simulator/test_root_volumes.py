"""Instance refreshes that replace root volumes: the instances keep running, and count for their group."""

from __future__ import annotations

import pytest
from botocore.session import get_session

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.several_pools import cluster_of_pools
from simulator.workload.pool_plan import PoolPlan
from simulator.world import SimulatedCluster, World
from steady.aws.capacity.auto_scaling_group import COUNTED, read_pool
from steady.drain_mark import ATTRIBUTE, DrainMark, DrainReason
from steady.pools import PoolKind, PoolName
from tests.simulator.spot_groups import group_of
from tests.simulator.test_several_pools import GROUP, QUIET, targets

# Auto Scaling User Guide, "Replace root volumes during instance refresh": the instance keeps running, in these states.
REPLACING = ("ReplacingRootVolume", "ReplacingRootVolume:Wait", "ReplacingRootVolume:Proceed", "RootVolumeReplaced")
# Auto Scaling User Guide, "Instance lifecycle", "Temporarily remove instances" and "Warm pool instance lifecycle".
NOT_COUNTED = ("Terminating", "Terminated", "Detach", "EnteringStandby", "Standby", "Quarantined", "Warmed:")


def full_cluster() -> tuple[World, SimulatedCluster, AutoScalingGroup]:
    """Return a group of three instances that have no room left."""
    world = World(seed=1)
    web = world.group_cluster("web", 3, maximum=10)
    web.service("api", tasks=6, cpu=1024, memory=1024)
    world.run(120)
    group = web.pool
    assert isinstance(group, AutoScalingGroup)
    return world, web, group


@pytest.mark.parametrize("state", REPLACING)
def test_an_instance_whose_root_volume_is_replaced_is_none_that_is_still_to_come(state: str) -> None:
    world, web, group = full_cluster()
    group.lifecycle[next(iter(group.members))] = state
    world.run(60)

    world.account.scheduler.services.set_desired(web.state.services["api"], 8)
    world.run(300)

    assert len(web.running()) == 8


def test_each_lifecycle_state_that_auto_scaling_has_is_counted_or_known_not_to_be() -> None:
    states = get_session().get_service_model("autoscaling").shape_for("LifecycleState").enum  # type: ignore[attr-defined]

    assert {s for s in states if s.startswith(COUNTED)} ^ {s for s in states if s.startswith(NOT_COUNTED)} == {*states}


@pytest.mark.parametrize("state", ["Standby", "Detaching", "Terminating:Retained"])
def test_an_instance_that_leaves_its_group_does_not_count(state: str) -> None:
    world, _, group = full_cluster()
    away = next(iter(group.members))
    group.lifecycle[away] = state

    pool = read_pool(world.suite.runtime("test"), PoolName(PoolKind.AUTO_SCALING_GROUP, "web"))

    assert away not in pool.members


def test_an_instance_drained_under_the_hook_takes_tasks_once_its_root_volume_is_replaced_and_not_before() -> None:
    world, web, group = full_cluster()
    now = int(world.clock.now)
    instance = web.instances()[0]
    instance.status = "DRAINING"
    instance.attributes[ATTRIBUTE] = str(DrainMark(DrainReason.HOOK, until=now + 300, since=now))
    group.lifecycle[instance.ec2_id] = "ReplacingRootVolume:Proceed"

    world.run(600)
    assert instance.status == "DRAINING"

    group.lifecycle[instance.ec2_id] = "RootVolumeReplaced"
    world.run(120)
    assert instance.status == "ACTIVE"


@pytest.mark.parametrize("on_spot", [False, True])
def test_a_group_whose_root_volumes_are_replaced_is_neither_short_nor_asked_for_less(on_spot: bool) -> None:
    """It was passed over, and its desired capacity lowered: then the group ends instances that have tasks."""
    world = World(seed=1)
    plans = {"base": PoolPlan(GROUP, 2), "spot": PoolPlan(GROUP, 2, on_spot=on_spot)}
    pools = cluster_of_pools(world, "web", plans, **QUIET)
    group = group_of(pools["spot"])
    pools["base"].service("api", tasks=8, cpu=900, memory=3000)
    world.run(120)
    before = set(group.members)
    group.lifecycle[next(iter(before))] = REPLACING[0]
    world.run(600)

    assert targets(pools) == {"base": 2, "spot": 2}
    assert set(group.members) == before
