"""Auto Scaling groups of Spot Instances: what AWS does with them, and what the suite makes of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from simulator.errors import AwsError
from simulator.faults import Hooked
from simulator.suite import LEDGER_TABLE
from simulator.world import World
from steady.aws.capacity import pools
from steady.aws.scaling import ledger
from steady.pools import PoolKind, PoolName, Purchase
from tests.simulator.spot_groups import QUIET, changed, full, group_of, on_demand

# What AWS does.


def test_a_change_of_the_on_demand_base_replaces_what_runs_one_by_one() -> None:
    world = World(scaling=False)
    web = full(world, 4)
    changed(
        world,
        AutoScalingGroupName="web",
        MixedInstancesPolicy={
            "InstancesDistribution": {"OnDemandBaseCapacity": 2, "OnDemandPercentageAboveBaseCapacity": 0}
        },
    )
    world.run(30)
    assert (len(web.ec2_instances()), on_demand(web)) == (5, 1), "it launches before it terminates"
    world.run(900)

    assert (len(web.ec2_instances()), on_demand(web)) == (4, 2)
    assert group_of(web).realigned == 2


def test_a_distribution_that_is_sent_in_part_leaves_the_rest_as_it_is() -> None:
    world = World(scaling=False)
    web = full(world, 1)
    changed(
        world, AutoScalingGroupName="web", MixedInstancesPolicy={"InstancesDistribution": {"OnDemandBaseCapacity": 1}}
    )
    assert (group_of(web).on_demand_base, group_of(web).on_demand_percent) == (1, 0)


@pytest.mark.parametrize(
    ("policy", "refusal"),
    [
        ({"InstancesDistribution": {"OnDemandBaseCapacity": 2001}}, "Max bound, 2000, must be greater"),
        (
            {
                "LaunchTemplate": {
                    "LaunchTemplateSpecification": {"LaunchTemplateId": "lt-1", "LaunchTemplateName": "w"}
                }
            },
            "either launchTemplateId or LaunchTemplateName",
        ),
    ],
)
def test_a_policy_that_aws_refuses_changes_nothing(policy: dict[str, Any], refusal: str) -> None:
    world = World(scaling=False)
    web = full(world, 1)

    with pytest.raises(AwsError, match=refusal):
        changed(world, AutoScalingGroupName="web", DesiredCapacity=2, MixedInstancesPolicy=policy)

    assert (web.target, group_of(web).on_demand_base) == (1, 0)


def test_a_policy_without_a_launch_template_is_refused_where_there_is_none_yet() -> None:
    world = World(scaling=False)
    world.group_cluster("web", 1)

    with pytest.raises(AwsError, match="either launchTemplateId or LaunchTemplateName"):
        changed(world, AutoScalingGroupName="web", MixedInstancesPolicy={"InstancesDistribution": {}})


@pytest.mark.parametrize(("capacity_rebalance", "within_s"), [(True, 10), (False, 130)])
def test_a_group_launches_the_replacement_at_the_notice_only_with_capacity_rebalancing(
    capacity_rebalance: bool, within_s: float
) -> None:
    world = World(scaling=False)
    web = full(world, 4, capacity_rebalance=capacity_rebalance)
    before = {i.id for i in web.ec2_instances()}
    web.reclaim(1)

    world.run(within_s - 10)
    assert {i.id for i in web.ec2_instances()} <= before
    world.run(15)
    assert len({i.id for i in web.ec2_instances()} - before) == 1


def test_a_recommendation_is_followed_by_another_instance_before_the_old_one_waits_under_the_hook() -> None:
    world = World(scaling=False)
    web = full(world, 4)
    [risky] = web.ec2_instances()[:1]
    world.account.spot.recommend([risky])
    world.run(30)
    assert len(web.ec2_instances()) == 5
    assert group_of(web).state_of(risky) == "InService"

    world.run(600)
    assert not risky.alive
    assert len(web.ec2_instances()) == 4
    assert world.account.killed_tasks == 0


def test_a_launch_that_the_market_refuses_is_a_failed_activity() -> None:
    world = World(scaling=False)
    web = full(world, 4)
    world.account.spot.set_available(web.pool, 0.5)
    world.run(200)

    pool = pools.read_pool(world.suite.runtime("test"), PoolName(PoolKind.AUTO_SCALING_GROUP, "web"))
    assert (pool.target, pool.held) == (4, 2)
    assert pool.trouble.startswith("Could not launch Spot Instances.")


# What the suite makes of it.


def test_a_group_is_read_with_how_each_instance_is_bought() -> None:
    world = World(scaling=False)
    web = full(world, 4)
    for instance in web.ec2_instances()[:1]:
        instance.on_demand = True
    group_of(web).on_demand_base = 1

    pool = pools.read_pool(world.suite.runtime("test"), PoolName(PoolKind.AUTO_SCALING_GROUP, "web"))

    assert (pool.on_demand, pool.on_demand_members) == (1, {web.ec2_instances()[0].id})
    assert (pool.traits.purchase, pool.may_fall_back) == (Purchase.SPOT, True)


def test_a_group_of_on_demand_instances_is_read_without_a_call_to_ec2() -> None:
    world = World(scaling=False)
    world.group_cluster("web", 2)
    world.account.endpoint.log = []

    pool = pools.read_pool(world.suite.runtime("test"), PoolName(PoolKind.AUTO_SCALING_GROUP, "web"))

    assert pool.traits.purchase is Purchase.ON_DEMAND
    assert [call.name for call in world.account.endpoint.log] == ["autoscaling:DescribeAutoScalingGroups"]


@pytest.mark.parametrize("capacity_rebalance", [True, False])
def test_no_task_of_an_interrupted_instance_is_killed_and_its_replacement_boots_during_the_notice(
    capacity_rebalance: bool,
) -> None:
    world = World(seed=1, boot_s=80)
    web = full(world, 6, capacity_rebalance=capacity_rebalance)
    [doomed] = web.reclaim(1)
    world.run(115)

    assert doomed.alive is False or doomed.doomed_at is not None
    assert len([i for i in web.instances() if i.status == "ACTIVE"]) == 6, "booted before the old one is gone"
    world.run(300)
    assert world.account.killed_tasks == 0
    assert (web.target, len(web.ec2_instances()), len(web.running())) == (6, 6, 12)
    assert group_of(web).realigned == 0


def test_a_short_market_is_made_up_for_on_demand_and_spot_takes_over_without_a_kill() -> None:
    world = World(seed=2)
    web = full(world, 8)
    world.account.spot.set_available(web.pool, 0.5)
    world.run(240)
    assert len(web.running()) == 16
    assert on_demand(web) == 4
    assert group_of(web).on_demand_base == 4

    world.account.spot.set_available(web.pool, 1.0)
    world.run(900)

    assert (web.target, len(web.ec2_instances()), on_demand(web)) == (8, 8, 0)
    assert group_of(web).on_demand_base == 0
    assert len(web.running()) == 16
    assert world.account.killed_tasks == 0
    assert group_of(web).realigned == 0, "the group is never asked for what it would end an instance for"
    assert world.suite.telemetry.errors() == []


def test_an_on_demand_instance_with_a_batch_task_stays_until_the_task_ends() -> None:
    world = World(seed=3)
    web = full(world, 4)
    world.account.spot.set_available(web.pool, 0.5)
    world.run(240)
    spared = next(i for i in web.ec2_instances() if i.on_demand)
    assert spared.container_instance
    web.batch_task(spared.container_instance, run_s=1500, cpu=1, memory=10)
    world.account.spot.set_available(web.pool, 1.0)
    world.run(1200)
    assert spared.alive
    assert on_demand(web) == 1
    world.run(900)

    assert on_demand(web) == 0
    assert (web.target, len(web.ec2_instances())) == (4, 4)
    assert world.account.killed_tasks == 0


def test_a_whole_group_that_is_reclaimed_comes_back_on_demand_at_once() -> None:
    world = World(seed=4)
    web = full(world, 12, fallback_after_seconds=3600)
    world.account.spot.set_available(web.pool, 0.0)
    world.run(60)
    assert group_of(web).on_demand_base == 12, "not after the hour"
    world.run(300)

    assert len(web.running()) == 24
    assert world.account.killed_tasks == 0


def test_a_deployment_that_resets_the_base_ends_nothing() -> None:
    world = World(seed=5)
    web = full(world, 4)
    world.account.spot.set_available(web.pool, 0.5)
    world.run(240)
    policy = {"OnDemandBaseCapacity": 0, "OnDemandPercentageAboveBaseCapacity": 0}
    changed(world, AutoScalingGroupName="web", MixedInstancesPolicy={"InstancesDistribution": policy})
    world.run(70)
    assert group_of(web).on_demand_base == 2
    world.run(900)

    assert len(web.ec2_instances()) == 4
    assert len(web.running()) == 8
    assert world.account.killed_tasks == 0


def test_scale_in_empties_the_chosen_instances_and_lowers_the_capacity_with_them() -> None:
    world = World(seed=6)
    web = world.spot_group_cluster("web", 8, **QUIET)
    service = web.service("api", 16, cpu=1024, memory=1000)
    world.run(120)
    service.desired = 6
    world.account.scheduler.services.reconcile(service)
    world.run(1800)

    assert web.target == len(web.ec2_instances()) == 4
    assert world.account.killed_tasks == 0
    assert (group_of(web).realigned, group_of(web).rebalances) == (0, 0)


def test_instances_that_ec2_does_not_describe_stop_nothing() -> None:
    world = World(seed=7)
    web = full(world, 4)

    def refuse(at: str, name: str) -> None:
        if (at, name) == ("before", "ec2:DescribeInstances"):
            raise AwsError("UnauthorizedOperation", "You are not authorized to perform this operation.", status=403)

    world.account.endpoint.fault = Hooked(refuse)
    world.account.spot.set_available(web.pool, 0.5)
    world.run(300)

    assert len(web.running()) == 8


def test_the_hours_of_a_group_are_counted_by_how_each_instance_was_bought() -> None:
    world = World(seed=8)
    web = full(world, 4)
    world.account.spot.set_available(web.pool, 0.5)
    world.run(3600)
    web.reclaim(1)
    world.run(3600)

    runtime = world.suite.runtime("test")
    counted: Counter[str] = Counter()
    for of_day in ledger.load(runtime, LEDGER_TABLE, "web").state.usage.until(world.clock.now).hours.values():
        counted.update(of_day)
    ran = world.account.ec2.hours.until(world.clock.now)
    for bought in Purchase:
        assert counted[f"{bought} m5.large"] == pytest.approx(ran[bought]["m5.large"], abs=0.2)
