"""The clusters that are made: each promise, in the templates of the example in cdk.json and of a few rows beside it."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Capture, Match, Template

from infra import stacks
from infra.stacks import Stacks
from steady.names import HOOK_HEARTBEAT_S, HOOK_NAME
from tests.infra.made_clusters import CONTEXT, EXAMPLE, KINDS, ROW, synthesized


@pytest.fixture(scope="module")
def example() -> tuple[Stacks, dict[str, Template]]:
    return synthesized(**CONTEXT)


@pytest.fixture(scope="module")
def templates(example: tuple[Stacks, dict[str, Template]]) -> dict[str, Template]:
    return example[1]


@pytest.mark.parametrize("name", KINDS)
def test_each_row_is_an_ecs_cluster_with_one_pool_under_the_suite(templates: dict[str, Template], name: str) -> None:
    template = templates[name]
    template.has_resource_properties("AWS::ECS::Cluster", {"ClusterName": name})
    groups, fleets = (template.find_resources(t) for t in ("AWS::AutoScaling::AutoScalingGroup", "AWS::EC2::SpotFleet"))
    assert len(groups) + len(fleets) == 1

    pool = Capture()
    template.has_resource_properties(
        "AWS::SSM::Parameter", {"Name": f"/steady/clusters/{name}/capacity", "Value": pool}
    )
    # The group's and the fleet's own names, as CloudFormation says them.
    prefix = {"train": "spot-fleet:"}.get(name, "auto-scaling-group:")
    assert pool.as_object() == {"Fn::Join": ["", [prefix, {"Ref": next(iter({**groups, **fleets}))}]]}


@pytest.mark.parametrize("name", KINDS)
def test_the_bounds_of_the_row_are_the_thresholds_of_the_cluster(templates: dict[str, Template], name: str) -> None:
    [row] = [row for row in EXAMPLE["clusters"] if row["name"] == name]

    for threshold, value in (("min_capacity", row.get("min", 0)), ("max_capacity", row["max"])):
        templates[name].has_resource_properties(
            "AWS::SSM::Parameter", {"Name": f"/steady/deployed/clusters/{name}/{threshold}", "Value": str(value)}
        )


def test_a_group_is_on_demand_with_the_types_and_weights_of_its_row(templates: dict[str, Template]) -> None:
    templates["web"].has_resource_properties(
        "AWS::AutoScaling::AutoScalingGroup",
        {
            "AutoScalingGroupName": "web",
            "MinSize": "2",
            "MaxSize": "40",
            # A deployment must not undo what the suite has set since.
            "DesiredCapacity": Match.absent(),
            "NewInstancesProtectedFromScaleIn": Match.absent(),
            "MixedInstancesPolicy": {
                "InstancesDistribution": {
                    "OnDemandPercentageAboveBaseCapacity": 100,
                    "OnDemandAllocationStrategy": "prioritized",
                },
                "LaunchTemplate": Match.object_like(
                    {
                        "Overrides": [
                            {"InstanceType": "m5.large", "WeightedCapacity": "1"},
                            {"InstanceType": "m5.xlarge", "WeightedCapacity": "2"},
                        ]
                    }
                ),
            },
            "Tags": [{"Key": "steady:cluster", "Value": "web", "PropagateAtLaunch": True}],
        },
    )


def test_a_group_waits_before_it_terminates(templates: dict[str, Template]) -> None:
    [group] = templates["web"].find_resources("AWS::AutoScaling::AutoScalingGroup")
    templates["web"].has_resource_properties(
        "AWS::AutoScaling::LifecycleHook",
        {
            "AutoScalingGroupName": {"Ref": group},
            "LifecycleHookName": HOOK_NAME,
            "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
            "HeartbeatTimeout": HOOK_HEARTBEAT_S,
            "DefaultResult": "CONTINUE",
        },
    )


def test_a_group_of_spot_instances_is_chosen_by_capacity_and_price_and_replaces_what_is_at_risk(
    templates: dict[str, Template],
) -> None:
    templates["batch"].has_resource_properties(
        "AWS::AutoScaling::AutoScalingGroup",
        {
            "AutoScalingGroupName": "batch",
            "MinSize": "0",
            # Beside 200 units that are about to go, their replacements.
            "MaxSize": "400",
            "DesiredCapacity": Match.absent(),
            "NewInstancesProtectedFromScaleIn": Match.absent(),
            "CapacityRebalance": True,
            "MixedInstancesPolicy": {
                "InstancesDistribution": {
                    "OnDemandBaseCapacity": Match.absent(),
                    "OnDemandPercentageAboveBaseCapacity": 0,
                    "OnDemandAllocationStrategy": "prioritized",
                    "SpotAllocationStrategy": "price-capacity-optimized",
                },
                "LaunchTemplate": Match.object_like(
                    {
                        "Overrides": [
                            {"InstanceType": "m5.xlarge", "WeightedCapacity": "1"},
                            {"InstanceType": "m5a.xlarge", "WeightedCapacity": "1"},
                            {"InstanceType": "m5.2xlarge", "WeightedCapacity": "2"},
                            {"InstanceType": "m5a.2xlarge", "WeightedCapacity": "2"},
                        ]
                    }
                ),
            },
        },
    )
    [group] = templates["batch"].find_resources("AWS::AutoScaling::AutoScalingGroup").values()
    assert len(group["Properties"]["VPCZoneIdentifier"]) == 3
    templates["batch"].resource_count_is("AWS::AutoScaling::LifecycleHook", 1)
    templates["batch"].resource_count_is("AWS::EC2::SpotFleet", 0)


def test_another_image_or_type_changes_a_group_in_place() -> None:
    """Of an Auto Scaling group, CloudFormation replaces only one whose name changes."""
    row = {**ROW, "kind": "spot"}
    changed = {**row, "types": {"m5.large": 1, "m5a.large": 1}, "volume_gib": 80, "max": 7}
    before, after = (synthesized(clusters=[one])[1]["web"].to_json()["Resources"] for one in (row, changed))

    assert {name: r["Type"] for name, r in before.items()} == {name: r["Type"] for name, r in after.items()}
    [group] = [r["Properties"] for r in after.values() if r["Type"] == "AWS::AutoScaling::AutoScalingGroup"]
    assert group["AutoScalingGroupName"] == "web"


def test_a_cluster_that_moves_from_its_fleet_keeps_the_fleet_as_it_is_beside_its_group() -> None:
    rows = ({**ROW}, {**ROW, "kind": "spot", "moves_from": "spot-fleet"}, {**ROW, "kind": "spot"})
    before, meanwhile, after = (synthesized(clusters=[row])[1]["web"].to_json()["Resources"] for row in rows)

    kept = {name: r for name, r in before.items() if not name.startswith("steadyclusterswebcapacity")}
    assert {name: meanwhile[name] for name in kept} == kept, "nothing that runs is changed"
    assert {r["Type"] for name, r in meanwhile.items() if name not in before} == {
        "AWS::AutoScaling::AutoScalingGroup",
        "AWS::AutoScaling::LifecycleHook",
    }
    gone = {name: r["Type"] for name, r in meanwhile.items() if name not in after}
    assert set(gone.values()) == {"AWS::EC2::SpotFleet", "AWS::IAM::Role", "AWS::SSM::Parameter"}


def test_a_fleet_maintains_its_target_on_the_types_and_zones_of_its_row(
    templates: dict[str, Template],
) -> None:
    name = "train"
    [row] = [row for row in EXAMPLE["clusters"] if row["name"] == name]
    [fleet] = templates[name].find_resources("AWS::EC2::SpotFleet").values()
    config = fleet["Properties"]["SpotFleetRequestConfigData"]

    assert config["Type"] == "maintain"
    assert config["AllocationStrategy"] == "capacityOptimized"
    assert config["TargetCapacity"] == 0, "the suite sets it from there"
    assert config["ReplaceUnhealthyInstances"] is True
    assert config["TerminateInstancesWithExpiration"] is False
    [launch] = config["LaunchTemplateConfigs"]
    offers = [(o["InstanceType"], o["WeightedCapacity"]) for o in launch["Overrides"]]
    assert offers == [(t, weight) for t, weight in sorted(row["types"].items()) for _ in row["zones"]]
    subnets = {json.dumps(o["SubnetId"]) for o in launch["Overrides"]}
    assert len(subnets) == len(row["zones"])
    assert config["TagSpecifications"] == [
        {"ResourceType": "spot-fleet-request", "Tags": [{"Key": "steady:cluster", "Value": name}]}
    ]


def test_a_fleet_launches_before_it_terminates_and_the_handler_empties_by_then(templates: dict[str, Template]) -> None:
    [fleet] = templates["train"].find_resources("AWS::EC2::SpotFleet").values()
    rebalance = fleet["Properties"]["SpotFleetRequestConfigData"]["SpotMaintenanceStrategies"]["CapacityRebalance"]

    assert rebalance["ReplacementStrategy"] == "launch-before-terminate"
    for threshold, value in (
        ("on_rebalance", "drain"),
        ("rebalance_deadline_seconds", str(rebalance["TerminationDelay"])),
    ):
        templates["train"].has_resource_properties(
            "AWS::SSM::Parameter", {"Name": f"/steady/deployed/clusters/train/{threshold}", "Value": value}
        )


def test_a_fleet_that_is_replaced_keeps_its_instances(templates: dict[str, Template]) -> None:
    templates["train"].has_resource(
        "AWS::EC2::SpotFleet", {"UpdateReplacePolicy": "Retain", "DeletionPolicy": "Delete"}
    )


def test_only_the_spot_fleet_service_takes_the_fleets_role(templates: dict[str, Template]) -> None:
    templates["train"].has_resource_properties(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": Match.object_like(
                {"Statement": [Match.object_like({"Principal": {"Service": "spotfleet.amazonaws.com"}})]}
            )
        },
    )


def test_the_suite_may_change_the_pools_that_are_made_and_no_others(
    example: tuple[Stacks, dict[str, Template]],
) -> None:
    template = Template.from_stack(example[0].scaling)
    of_fleets = {"StringEquals": {"aws:ResourceTag/steady:cluster": ["train"]}}
    statements = [
        statement
        for policy in template.find_resources("AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]

    only_the_mark = {"ForAllValues:StringEquals": {"aws:TagKeys": ["steady:on-demand-base"]}}
    for action, more in (("ec2:ModifySpotFleetRequest", only_the_mark), ("ec2:TerminateInstances", {})):
        allowed = [s for s in statements if action in s["Action"]]
        assert allowed
        assert all(s["Condition"] == {**of_fleets, **more} for s in allowed)
    groups = [json.dumps(s["Resource"]) for s in statements if "autoscaling:SetDesiredCapacity" in s["Action"]]
    assert groups
    assert all("autoScalingGroupName/web" in group and "autoScalingGroupName/batch" in group for group in groups)
    policies = [json.dumps(s["Resource"]) for s in statements if "autoscaling:UpdateAutoScalingGroup" in s["Action"]]
    assert policies
    assert all("autoScalingGroupName/batch" in group and "Name/web" not in group for group in policies)


def test_an_adopted_group_gets_its_hook_and_nothing_else() -> None:
    adopted = [{"name": "old", "capacity": "auto-scaling-group:old-asg"}, {**ROW, "name": "new"}]
    [added] = stacks.add_to(cdk.App(context={"clusters": adopted}))
    template = Template.from_stack(added.service_out)

    template.has_resource_properties(
        "AWS::AutoScaling::LifecycleHook",
        {"AutoScalingGroupName": "old-asg", "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING"},
    )
    everything = [template, *(Template.from_stack(s) for s in (added.state, added.scaling))]
    made = {r["Type"] for t in everything for r in t.to_json()["Resources"].values()}
    # No other resource is of the kind that a pool, a cluster or an instance is made of.
    assert {t for t in made if t.startswith(("AWS::EC2", "AWS::ECS", "AWS::AutoScaling"))} == {
        "AWS::AutoScaling::LifecycleHook"
    }


def test_a_group_that_has_a_hook_gets_no_second_one() -> None:
    row = {"name": "old", "capacity": "auto-scaling-group:old-asg", "hook": False}
    [added] = stacks.add_to(cdk.App(context={"clusters": [row]}))

    Template.from_stack(added.service_out).resource_count_is("AWS::AutoScaling::LifecycleHook", 0)


def test_an_adopted_fleet_is_not_touched_at_all() -> None:
    [added] = stacks.add_to(cdk.App(context={"clusters": [{"name": "old", "capacity": "spot-fleet:sfr-1"}]}))

    Template.from_stack(added.service_out).resource_count_is("AWS::AutoScaling::LifecycleHook", 0)
    assert (added.clusters, added.network) == ((), None)


def test_without_a_network_one_is_made_with_a_way_out_in_each_zone(example: tuple[Stacks, dict[str, Template]]) -> None:
    assert example[0].network
    template = Template.from_stack(example[0].network)

    template.resource_count_is("AWS::EC2::NatGateway", 3)
    template.has_resource_properties("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Gateway"})
    template.has_resource_properties("AWS::EC2::FlowLog", {"TrafficType": "REJECT"})
    zones = {s["Properties"]["AvailabilityZone"] for s in template.find_resources("AWS::EC2::Subnet").values()}
    assert zones == {"us-east-1a", "us-east-1b", "us-east-1c"}


def test_in_a_network_that_is_there_nothing_of_it_is_made() -> None:
    network = {"vpc": "vpc-1", "subnets": {"us-east-1a": "subnet-1", "us-east-1b": "subnet-2"}}
    added, made = synthesized(clusters=[ROW, {**ROW, "name": "on", "kind": "on-demand"}], network=network)

    assert added.network is None
    [fleet] = made["web"].find_resources("AWS::EC2::SpotFleet").values()
    [launch] = fleet["Properties"]["SpotFleetRequestConfigData"]["LaunchTemplateConfigs"]
    assert [o["SubnetId"] for o in launch["Overrides"]] == ["subnet-1"]
    made["on"].has_resource_properties("AWS::AutoScaling::AutoScalingGroup", {"VPCZoneIdentifier": ["subnet-1"]})
    made["on"].has_resource_properties("AWS::EC2::SecurityGroup", {"VpcId": "vpc-1"})
