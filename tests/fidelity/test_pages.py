"""Pages, targets and answers of the simulated account, as AWS documents them; and what the suite makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.errors import AwsError
from simulator.world import World
from steady.aws.capacity import auto_scaling_group, pools, spot_fleet
from steady.aws.service_out.targets import deregister, make_clients
from steady.aws.settings.history import read_history
from steady.pools import PoolKind, PoolName
from steady.service_out.doomed import Target
from tests.simulator.spot_groups import fleet_of, group_of


@pytest.fixture
def world() -> World:
    return World(seed=1, duplicates=0.0, scaling=False)


def asked(world: World, name: str, **params: Any) -> dict[str, Any]:
    return world.account.endpoint.answer("test", name, params)


def all_pages(world: World, name: str, key: str, **params: Any) -> list[list[Any]]:
    """Ask for all pages of a call, and return what is on each."""
    pages: list[list[Any]] = []
    token: dict[str, str] = {}
    while not pages or token:
        answer = asked(world, name, **params, **token)
        pages.append(answer[key])
        token = {"NextToken": answer["NextToken"]} if "NextToken" in answer else {}
    return pages


def test_instances_come_in_pages_of_the_size_that_is_asked_for(world: World) -> None:
    world.group_cluster("web", 12)

    pages = all_pages(world, "ec2:DescribeInstances", "Reservations", MaxResults=5)

    assert [len(page) for page in pages] == [5, 5, 2]
    assert len({r["Instances"][0]["InstanceId"] for page in pages for r in page}) == 12
    assert len(asked(world, "ec2:DescribeInstances")["Reservations"]) == 12


@pytest.mark.parametrize(
    ("name", "params", "code"),
    [
        ("ec2:DescribeInstances", {"MaxResults": 4}, "InvalidParameterValue"),
        ("ec2:DescribeInstances", {"MaxResults": 1001}, "InvalidParameterValue"),
        ("ec2:DescribeInstances", {"NextToken": "x"}, "InvalidNextToken"),
        (
            "ec2:DescribeInstances",
            {"Filters": [{"Name": "instance-id", "Values": [f"i-{n}" for n in range(201)]}]},
            "FilterLimitExceeded",
        ),
        ("ec2:DescribeInstanceTypes", {"InstanceTypes": ["m5.large"], "MaxResults": 101}, "InvalidParameterValue"),
        ("ec2:DescribeSpotFleetInstances", {"SpotFleetRequestId": "sfr-web", "MaxResults": 0}, None),
        ("autoscaling:DescribeScalingActivities", {"AutoScalingGroupName": "g", "MaxRecords": 101}, "ValidationError"),
        ("ssm:GetParametersByPath", {"Path": "/steady", "MaxResults": 11}, "ValidationException"),
    ],
)
def test_another_size_of_a_page_is_refused(world: World, name: str, params: dict[str, Any], code: str | None) -> None:
    world.spot_cluster("web", 1)
    world.group_cluster("g", 1)
    if code is None:
        # No size is the default one.
        assert asked(world, name, **params)
        return
    with pytest.raises(AwsError) as refused:
        asked(world, name, **params)
    assert refused.value.code == code


def test_a_fleet_of_more_instances_than_a_page_holds_is_read_whole(world: World) -> None:
    web = world.spot_cluster("web", 1203)
    assert [
        len(p)
        for p in all_pages(
            world, "ec2:DescribeSpotFleetInstances", "ActiveInstances", SpotFleetRequestId=fleet_of(web).id
        )
    ] == [1000, 203]

    pool = spot_fleet.read_pool(world.suite.runtime("test"), PoolName(PoolKind.SPOT_FLEET, fleet_of(web).id))

    assert len(pool.members) == pool.held == 1203


def test_the_trouble_of_a_fleet_is_found_behind_a_page_of_other_events(world: World) -> None:
    from simulator.fleet_history import SPOT_QUOTA, FleetEvent

    web = world.spot_cluster("web", 2)
    history = fleet_of(web).history
    for n in range(1500):
        history.add(world.clock.now + n / 100, FleetEvent("information", "launchSpecUnusable", "old"))
    world.run(60)
    history.add(world.clock.now, SPOT_QUOTA)
    world.run(60)

    name = PoolName(PoolKind.SPOT_FLEET, fleet_of(web).id)
    assert spot_fleet.read_trouble(world.suite.runtime("test"), name).startswith("spotInstanceCountLimitExceeded")


def test_a_page_without_activities_hides_none(world: World) -> None:
    """Auto Scaling API: "A response can contain fewer items than the value specified by MaxRecords [...]"."""
    web = world.group_cluster("web", 1)
    own = world.account.endpoint.actions["autoscaling:DescribeScalingActivities"]
    group_of(web).unavailable.add("m5.large")
    group_of(web).desired = 2
    world.account.groups.look_soon(group_of(web))
    world.run(30)

    def sparse(params: Any) -> dict[str, Any]:
        answer = own(params)
        return answer if params.get("NextToken") else {"Activities": [], "NextToken": "0"}

    world.account.endpoint.actions["autoscaling:DescribeScalingActivities"] = sparse
    name = PoolName(PoolKind.AUTO_SCALING_GROUP, "web")

    assert "sufficient m5.large capacity" in auto_scaling_group.read_trouble(world.suite.runtime("test"), name)
    assert "sufficient m5.large capacity" in pools.read_pool(world.suite.runtime("test"), name).trouble


def test_a_parameter_says_when_each_version_was_put_and_keeps_a_hundred(world: World) -> None:
    store = world.account.parameters
    for value in range(120):
        store.put("/steady/clusters/web/max_capacity", value)
        world.run(60)

    pages = all_pages(world, "ssm:GetParameterHistory", "Parameters", Name="/steady/clusters/web/max_capacity")
    assert [len(page) for page in pages] == [50, 50]
    versions = read_history(world.suite.runtime("test"), "/steady/clusters/web/max_capacity")
    assert [v.number for v in versions] == list(range(120, 20, -1))
    assert versions[0].at > versions[1].at
    [one] = asked(world, "ssm:GetParametersByPath", Path="/steady", Recursive=True)["Parameters"]
    assert (one["Version"], one["DataType"], one["LastModifiedDate"]) == (120, "text", versions[0].at)
    assert one["ARN"].endswith(":parameter/steady/clusters/web/max_capacity")


def test_a_terminated_instance_says_what_it_was_and_what_it_becomes(world: World) -> None:
    web = world.group_cluster("web", 1)
    [instance] = web.ec2_instances()

    for before, now in (("running", "shutting-down"), ("terminated", "terminated")):
        [one] = asked(world, "ec2:TerminateInstances", InstanceIds=[instance.id])["TerminatingInstances"]
        assert (one["PreviousState"]["Name"], one["CurrentState"]["Name"]) == (before, now)


def test_the_health_of_a_target_has_the_reason_of_its_state(world: World) -> None:
    web = world.group_cluster("web", 1)
    web.service("api", 1, requests_per_s=1)
    world.run(1)
    [group] = world.account.balancing.groups.values()

    def health(*targets: dict[str, Any]) -> list[dict[str, Any]]:
        params = {"Targets": list(targets)} if targets else {}
        answer = asked(world, "elbv2:DescribeTargetHealth", TargetGroupArn=group.arn, **params)
        return [h["TargetHealth"] for h in answer["TargetHealthDescriptions"]]

    world.run(60)
    assert health() == [{"State": "healthy"}]
    [target] = group.targets.values()
    [unused] = health({"Id": target.id, "Port": 1})
    assert (unused["State"], unused["Reason"]) == ("unused", "Target.NotRegistered")
    asked(world, "elbv2:DeregisterTargets", TargetGroupArn=group.arn, Targets=[{"Id": target.id, "Port": target.port}])
    [draining] = health({"Id": target.id, "Port": target.port})
    assert (draining["State"], draining["Reason"]) == ("draining", "Target.DeregistrationInProgress")


def test_a_target_without_a_port_is_at_the_port_of_its_group(world: World) -> None:
    web = world.group_cluster("web", 1)
    group = world.account.balancing.groups[web.target_group("in", 1).arn]
    [instance] = web.ec2_instances()
    target = world.account.balancing.register(group.arn, instance.id, group.port)

    asked(world, "elbv2:DeregisterTargets", TargetGroupArn=group.arn, Targets=[{"Id": instance.id}])

    assert target.deregistered_at is not None


def test_a_target_that_does_not_exist_keeps_no_other_from_being_deregistered(world: World) -> None:
    """ELB API, DeregisterTargets: it is no error, or the error InvalidTarget. Both are tested."""
    web = world.group_cluster("web", 2)
    world.account.balancing.is_target = lambda id_: id_ in world.account.ec2.instances
    group = world.account.balancing.groups[web.target_group("in", 1).arn]
    registered = [world.account.balancing.register(group.arn, i.id, 80) for i in web.ec2_instances()]
    targets = [Target(group.arn, id_, 80) for id_ in ("i-0gone", *(t.id for t in registered))]
    runtime = world.suite.runtime("test")
    make_clients(runtime, targets)

    assert deregister(runtime, targets) == frozenset()
    assert all(t.deregistered_at is not None for t in registered)
