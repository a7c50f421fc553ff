"""The container instances of clusters that are made: images, user data, roles and the agent's settings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk.assertions import Template

from tests.infra.made_clusters import CONTEXT, KINDS, ROW, synthesized


@pytest.fixture(scope="module")
def templates() -> dict[str, Template]:
    return synthesized(**CONTEXT)[1]


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
def test_an_image_is_the_one_that_is_pinned_and_not_the_newest_of_awss(
    templates: dict[str, Template], name: str
) -> None:
    assert image_of(templates[name]) == f"/steady/images/{name}"
    assert "/aws/service/" not in str(templates[name].to_json()["Parameters"])


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

    assert launch_data(made["web"])["BlockDeviceMappings"][0]["DeviceName"] == "/dev/sda1"
    assert "apt-get install -qy docker.io" in script
    package = "amazon-ecs-init-latest.amd64.deb"
    assert f"https://s3.us-east-1.amazonaws.com/amazon-ecs-agent-us-east-1/{package}" in script
    # cloud-init waits for this script, and the agent for cloud-init.
    assert "systemctl enable --now --no-block ecs" in script
    assert script.index("ecs.config") < script.index("dpkg -i")
