"""The clusters that are made: each promise, in the templates of the example in cdk.json and of a few rows beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Capture, Match, Template

from infra import stacks
from infra.stacks import Stacks
from steady.names import HOOK_HEARTBEAT_S, HOOK_NAME

CONTEXT = json.loads((Path(__file__).parents[2] / "cdk.json").read_text())["context"]
EXAMPLE = CONTEXT["environments"]["example"]
KINDS = ("web", "batch", "train")
ROW: dict[str, Any] = {"name": "web", "kind": "spot", "types": {"m5.large": 1}, "zones": ["us-east-1a"]}


def synthesized(**context: Any) -> tuple[Stacks, dict[str, Template]]:
    [added] = stacks.add_to(cdk.App(context=context))
    return added, {
        cluster.stack_name.removeprefix("steady-cluster-"): Template.from_stack(cluster) for cluster in added.clusters
    }


@pytest.fixture(scope="module")
def example() -> tuple[Stacks, dict[str, Template]]:
    return synthesized(**CONTEXT)


@pytest.fixture(scope="module")
def templates(example: tuple[Stacks, dict[str, Template]]) -> dict[str, Template]:
    return example[1]


def launch_data(template: Template) -> dict[str, Any]:
    [found] = template.find_resources("AWS::EC2::LaunchTemplate").values()
    data: dict[str, Any] = found["Properties"]["LaunchTemplateData"]
    return data


def script_of(template: Template) -> str:
    """The user data, with the Region as it is in us-east-1."""
    data = launch_data(template)["UserData"]["Fn::Base64"]
    parts = data if isinstance(data, str) else data["Fn::Join"][1]
    return "".join(part if isinstance(part, str) else "us-east-1" for part in parts)


def settings_of(template: Template) -> dict[str, str]:
    """What the user data writes into the agent's configuration."""
    script = script_of(template)
    written = script.split("<<'SETTINGS'\n")[1].split("\nSETTINGS")[0]
    return dict(line.split("=", 1) for line in written.splitlines())


def image_of(template: Template) -> str:
    """The SSM parameter that the AMI's id is read from."""
    parameter = template.to_json()["Parameters"][launch_data(template)["ImageId"]["Ref"]]
    assert parameter["Type"] == "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"
    return str(parameter["Default"])


def statements_of(template: Template, role: str) -> list[dict[str, Any]]:
    policies = template.find_resources("AWS::IAM::Policy")
    return [
        statement
        for name, policy in policies.items()
        if role in name
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


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
    prefix = {"web": "auto-scaling-group:"}.get(name, "spot-fleet:")
    assert pool.as_object() == {"Fn::Join": ["", [prefix, {"Ref": next(iter({**groups, **fleets}))}]]}


@pytest.mark.parametrize("name", KINDS)
def test_the_bounds_of_the_row_are_the_thresholds_of_the_cluster(templates: dict[str, Template], name: str) -> None:
    [row] = [row for row in EXAMPLE["clusters"] if row["name"] == name]

    for threshold, value in (("min_capacity", row.get("min", 0)), ("max_capacity", row["max"])):
        templates[name].has_resource_properties(
            "AWS::SSM::Parameter", {"Name": f"/steady/clusters/{name}/{threshold}", "Value": str(value)}
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


@pytest.mark.parametrize("name", ["batch", "train"])
def test_a_fleet_maintains_its_target_on_the_types_and_zones_of_its_row(
    templates: dict[str, Template], name: str
) -> None:
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
    assert offers == [(t, weight) for t, weight in row["types"].items() for _ in row["zones"]]
    subnets = {json.dumps(o["SubnetId"]) for o in launch["Overrides"]}
    assert len(subnets) == len(row["zones"])
    assert config["TagSpecifications"] == [
        {"ResourceType": "spot-fleet-request", "Tags": [{"Key": "steady:cluster", "Value": name}]}
    ]


def test_a_fleet_launches_before_it_terminates_and_the_handler_empties_by_then(templates: dict[str, Template]) -> None:
    [fleet] = templates["batch"].find_resources("AWS::EC2::SpotFleet").values()
    rebalance = fleet["Properties"]["SpotFleetRequestConfigData"]["SpotMaintenanceStrategies"]["CapacityRebalance"]

    assert rebalance["ReplacementStrategy"] == "launch-before-terminate"
    for threshold, value in (
        ("on_rebalance", "drain"),
        ("rebalance_deadline_seconds", str(rebalance["TerminationDelay"])),
    ):
        templates["batch"].has_resource_properties(
            "AWS::SSM::Parameter", {"Name": f"/steady/clusters/batch/{threshold}", "Value": value}
        )


def test_a_fleet_that_is_replaced_keeps_its_instances(templates: dict[str, Template]) -> None:
    templates["batch"].has_resource(
        "AWS::EC2::SpotFleet", {"UpdateReplacePolicy": "Retain", "DeletionPolicy": "Delete"}
    )


def test_only_the_spot_fleet_service_takes_the_fleets_role(templates: dict[str, Template]) -> None:
    templates["batch"].has_resource_properties(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": Match.object_like(
                {"Statement": [Match.object_like({"Principal": {"Service": "spotfleet.amazonaws.com"}})]}
            )
        },
    )


def test_all_clusters_start_from_one_image_and_those_with_gpus_from_their_own(templates: dict[str, Template]) -> None:
    common = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"

    assert image_of(templates["web"]) == image_of(templates["batch"]) == common
    assert image_of(templates["train"]) == common.replace("recommended", "gpu/recommended")


@pytest.mark.parametrize("name", KINDS)
def test_instances_have_imdsv2_only_and_encrypted_volumes(templates: dict[str, Template], name: str) -> None:
    data = launch_data(templates[name])

    assert data["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    assert [volume["Ebs"]["Encrypted"] for volume in data["BlockDeviceMappings"]] == [True]
    assert data["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == (200 if name == "train" else 50)


@pytest.mark.parametrize("name", KINDS)
def test_nobody_gets_in_by_ssh(templates: dict[str, Template], name: str) -> None:
    template = templates[name]

    assert "KeyName" not in launch_data(template)
    assert template.find_resources("AWS::EC2::SecurityGroupIngress") == {}
    for group in template.find_resources("AWS::EC2::SecurityGroup").values():
        assert "SecurityGroupIngress" not in group["Properties"]


@pytest.mark.parametrize("name", KINDS)
def test_instances_and_volumes_have_the_tag_by_which_their_cluster_is_found(
    templates: dict[str, Template], name: str
) -> None:
    tagged = {
        of["ResourceType"]: {tag["Key"]: tag["Value"] for tag in of["Tags"]}
        for of in launch_data(templates[name])["TagSpecifications"]
    }

    assert tagged["instance"]["steady:cluster"] == tagged["volume"]["steady:cluster"] == name


@pytest.mark.parametrize("name", KINDS)
def test_the_agents_settings_fit_the_suite(templates: dict[str, Template], name: str) -> None:
    settings = settings_of(templates[name])

    assert settings["ECS_CLUSTER"] == name
    assert settings["ECS_CONTAINER_STOP_TIMEOUT"] == "30s"
    assert settings["ECS_ENABLE_SPOT_INSTANCE_DRAINING"] == "false"
    assert settings["ECS_IMAGE_CLEANUP_INTERVAL"] == "30m"
    assert "fluentd" in json.loads(settings["ECS_AVAILABLE_LOGGING_DRIVERS"])
    assert settings["ECS_AWSVPC_BLOCK_IMDS"] == "true"
    assert ("ECS_ENABLE_GPU_SUPPORT" in settings) is (name == "train")


def test_an_instances_role_has_its_own_cluster_and_no_other(templates: dict[str, Template]) -> None:
    statements = statements_of(templates["batch"], "InstanceRole")
    resources = {
        action: json.dumps(statement["Resource"])
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }

    assert all("*" not in action for action in resources)
    assert ":cluster/batch" in resources["ecs:RegisterContainerInstance"]
    assert ":container-instance/batch/*" in resources["ecs:Poll"]
    # The agent could not drain even if it were told to.
    assert "ecs:UpdateContainerInstancesState" not in resources
    # What the SSM agent needs for Session Manager.
    assert {a for a in resources if a.startswith("ssm")} == {
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    }
    assert {a for a, resource in resources.items() if resource == '"*"'} == {
        "ecr:GetAuthorizationToken",
        "ecs:DiscoverPollEndpoint",
        *(a for a in resources if a.startswith("ssmmessages:")),
    }


def test_ubuntu_gets_docker_and_the_agent_at_its_boot() -> None:
    _, made = synthesized(clusters=[{**ROW, "ami": "ubuntu"}])
    script = script_of(made["web"])

    assert image_of(made["web"]).startswith("/aws/service/canonical/ubuntu/")
    assert launch_data(made["web"])["BlockDeviceMappings"][0]["DeviceName"] == "/dev/sda1"
    assert "apt-get install -qy docker.io" in script
    package = "amazon-ecs-init-latest.amd64.deb"
    assert f"https://s3.us-east-1.amazonaws.com/amazon-ecs-agent-us-east-1/{package}" in script
    # cloud-init waits for this script, and the agent for cloud-init.
    assert "systemctl enable --now --no-block ecs" in script
    assert script.index("ecs.config") < script.index("dpkg -i")


def test_the_suite_may_change_the_pools_that_are_made_and_no_others(
    example: tuple[Stacks, dict[str, Template]],
) -> None:
    template = Template.from_stack(example[0].scaling)
    of_fleets = {"StringEquals": {"aws:ResourceTag/steady:cluster": ["batch", "train"]}}
    statements = [
        statement
        for policy in template.find_resources("AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]

    for action in ("ec2:ModifySpotFleetRequest", "ec2:TerminateInstances"):
        allowed = [s for s in statements if action in s["Action"]]
        assert allowed
        assert all(s["Condition"] == of_fleets for s in allowed)
    groups = [json.dumps(s["Resource"]) for s in statements if "autoscaling:SetDesiredCapacity" in s["Action"]]
    assert groups
    assert all("autoScalingGroupName/web" in group for group in groups)


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
