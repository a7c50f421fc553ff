"""Auto Scaling groups and Spot Fleets, as moto describes them."""

from __future__ import annotations

import pytest

from simulator.world import World
from steady.aws.capacity import pools
from steady.aws.capacity.kind import NoSuchPool
from steady.aws.capacity.origins import Origin, origins_of
from steady.aws.runtime import Runtime
from steady.names import CLUSTER_TAG
from steady.pools import PoolKind, PoolName

IMAGE = "ami-12c6146b"
GROUP = PoolName(PoolKind.AUTO_SCALING_GROUP, "web")


@pytest.fixture
def group(runtime: Runtime) -> PoolName:
    template = runtime.ec2.create_launch_template(
        LaunchTemplateName="web", LaunchTemplateData={"ImageId": IMAGE, "InstanceType": "m5.large"}
    )["LaunchTemplate"]["LaunchTemplateId"]
    runtime.autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchTemplate={"LaunchTemplateId": template},
        MinSize=1,
        MaxSize=5,
        DesiredCapacity=3,
        AvailabilityZones=["us-east-1a"],
    )
    return GROUP


@pytest.fixture
def fleet(runtime: Runtime) -> PoolName:
    subnet = runtime.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    id_ = runtime.ec2.request_spot_fleet(
        SpotFleetRequestConfig={
            "TargetCapacity": 4,
            "SpotPrice": "1",
            "IamFleetRole": "arn:aws:iam::123456789012:role/fleet",
            "AllocationStrategy": "lowestPrice",
            "LaunchSpecifications": [
                {"ImageId": IMAGE, "InstanceType": "m5.large", "SubnetId": subnet, "WeightedCapacity": 2.0}
            ],
        }
    )["SpotFleetRequestId"]
    return PoolName(PoolKind.SPOT_FLEET, id_)


def test_a_group_is_read_with_its_bounds_and_members(runtime: Runtime, group: PoolName) -> None:
    pool = pools.read_pool(runtime, group)

    assert (pool.target, pool.minimum, pool.maximum, len(pool.members)) == (3, 1, 5, 3)


def test_a_groups_desired_capacity_is_set(runtime: Runtime, group: PoolName) -> None:
    pools.set_target(runtime, pools.read_pool(runtime, group), 5)

    assert pools.read_pool(runtime, group).target == 5


def test_a_groups_instance_is_terminated_together_with_its_capacity(runtime: Runtime, group: PoolName) -> None:
    pool = pools.read_pool(runtime, group)
    leaving = sorted(pool.members)[:1]

    pools.terminate_instances(runtime, pool, leaving, target=2)
    after = pools.read_pool(runtime, group)

    assert after.target == 2
    assert leaving[0] not in after.members


@pytest.mark.parametrize("kind", list(PoolKind))
def test_a_repeated_termination_does_no_harm(kind: PoolKind) -> None:
    world = World(scaling=False)
    build = world.group_cluster if kind is PoolKind.AUTO_SCALING_GROUP else world.spot_cluster
    cluster = build("web", 3)
    runtime = world.suite.runtime("test")
    name = PoolName(kind, cluster.pool.name if kind is PoolKind.AUTO_SCALING_GROUP else cluster.pool.id)  # type: ignore[union-attr]
    pool = pools.read_pool(runtime, name)
    leaving = sorted(pool.members)[:1]

    for _ in range(2):
        pools.terminate_instances(runtime, pools.read_pool(runtime, name), leaving, target=2)
        world.run(400)

    assert cluster.target == 2
    assert len(cluster.instances()) == 2


def test_a_fleet_is_read_with_its_weights(runtime: Runtime, fleet: PoolName) -> None:
    pool = pools.read_pool(runtime, fleet)

    assert pool.target == 4
    assert set(pool.members.values()) == {"m5.large"}
    assert pool.weight("m5.large") == 2


def test_a_fleets_target_is_set(runtime: Runtime, fleet: PoolName) -> None:
    pools.set_target(runtime, pools.read_pool(runtime, fleet), 8)

    assert pools.read_pool(runtime, fleet).target == 8


@pytest.mark.parametrize(
    "name", [PoolName(PoolKind.AUTO_SCALING_GROUP, "none"), PoolName(PoolKind.SPOT_FLEET, "sfr-0")]
)
def test_a_pool_that_is_not_there_is_named(runtime: Runtime, name: PoolName) -> None:
    with pytest.raises(NoSuchPool, match=name.name):
        pools.read_pool(runtime, name)


def test_where_an_instance_comes_from_is_found_by_its_tags(runtime: Runtime, group: PoolName) -> None:
    ids = sorted(pools.read_pool(runtime, group).members)
    tags = [{"Key": "aws:ec2spot:fleet-request-id", "Value": "sfr-7"}, {"Key": CLUSTER_TAG, "Value": "web"}]
    runtime.ec2.create_tags(Resources=ids[:1], Tags=tags)  # type: ignore[arg-type]

    found = origins_of(runtime, [*ids, "i-00000000000000000"])

    assert found[ids[0]] == Origin(PoolName(PoolKind.SPOT_FLEET, "sfr-7"), "web")
    assert found[ids[1]] == Origin(GROUP)
    assert "i-00000000000000000" not in found


def test_the_zones_of_a_group_are_those_that_it_balances(runtime: Runtime, group: PoolName) -> None:
    assert pools.read_pool(runtime, group).zones == {}, "there is nothing to balance in one zone"

    zones = ["us-east-1a", "us-east-1b"]
    runtime.autoscaling.update_auto_scaling_group(AutoScalingGroupName="web", AvailabilityZones=zones)
    pool = pools.read_pool(runtime, group)
    assert set(pool.zones) == set(zones)
    assert frozenset().union(*pool.zones.values()) == set(pool.members)

    runtime.autoscaling.suspend_processes(AutoScalingGroupName="web", ScalingProcesses=["AZRebalance"])
    assert pools.read_pool(runtime, group).zones == {}
