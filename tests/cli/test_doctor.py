"""`steady doctor` on an account that moto holds: each finding, with the command that mends it."""

from __future__ import annotations

import base64
import json
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from cli.main import app
from steady.fitness import HOOK_NAME, TERMINATING

IMAGE = "ami-12c6146b"
DRAINS_BY_ITSELF = "#!/bin/bash\necho ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> /etc/ecs/ecs.config\n"
FITS = "#!/bin/bash\necho ECS_CLUSTER=web >> /etc/ecs/ecs.config\n"


def doctor(cluster: str = "web") -> tuple[int, list[dict[str, str]]]:
    done = CliRunner().invoke(app, ["doctor", cluster, "--json", "-"])
    return done.exit_code, json.loads(done.stdout)


def template(aws: boto3.Session, user_data: str, **data: Any) -> str:
    made = aws.client("ec2").create_launch_template(
        LaunchTemplateName="web",
        LaunchTemplateData={
            "ImageId": IMAGE,
            "InstanceType": "m5.large",
            "UserData": base64.b64encode(user_data.encode()).decode(),
            **data,
        },
    )
    return str(made["LaunchTemplate"]["LaunchTemplateId"])


def service(aws: boto3.Session, *, delay_s: int, stop_timeout_s: int, interval_s: int = 5) -> None:
    """A service of the cluster `web`, behind a target group."""
    ec2, elbv2, ecs = aws.client("ec2"), aws.client("elbv2"), aws.client("ecs")
    group = elbv2.create_target_group(
        Name="api",
        Protocol="HTTP",
        Port=8080,
        VpcId=ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
        HealthCheckIntervalSeconds=interval_s,
        HealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    delay = {"Key": "deregistration_delay.timeout_seconds", "Value": str(delay_s)}
    elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=[delay])
    ecs.create_cluster(clusterName="web")
    container = {"name": "app", "image": "api", "cpu": 256, "memory": 512, "stopTimeout": stop_timeout_s}
    definition = ecs.register_task_definition(family="api", containerDefinitions=[container])
    ecs.create_service(
        cluster="web",
        serviceName="api",
        taskDefinition=definition["taskDefinition"]["taskDefinitionArn"],
        desiredCount=1,
        loadBalancers=[{"targetGroupArn": group, "containerName": "app", "containerPort": 8080}],
    )


def group(aws: boto3.Session, template_id: str, **options: Any) -> None:
    """The Auto Scaling group `web` with one instance, which is registered with the cluster."""
    autoscaling = aws.client("autoscaling")
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchTemplate={"LaunchTemplateId": template_id},
        MinSize=0,
        MaxSize=5,
        DesiredCapacity=1,
        AvailabilityZones=["us-east-1a"],
        **options,
    )
    described = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["web"])["AutoScalingGroups"][0]
    register(aws, described["Instances"][0]["InstanceId"])
    aws.client("ssm").put_parameter(Name="/steady/clusters/web/capacity", Value="auto-scaling-group:web", Type="String")


def hook(aws: boto3.Session) -> None:
    aws.client("autoscaling").put_lifecycle_hook(
        AutoScalingGroupName="web", LifecycleHookName=HOOK_NAME, LifecycleTransition=TERMINATING
    )


def fleet(aws: boto3.Session, template_id: str) -> str:
    """A Spot Fleet with one instance, which is registered with the cluster."""
    ec2 = aws.client("ec2")
    specification = {"LaunchTemplateId": template_id, "Version": "1"}
    overrides = [{"InstanceType": "m5.large", "WeightedCapacity": 1.0}]
    fleet_id = ec2.request_spot_fleet(
        SpotFleetRequestConfig={
            "TargetCapacity": 1,
            "SpotPrice": "1",
            "IamFleetRole": "arn:aws:iam::123456789012:role/fleet",
            "AllocationStrategy": "lowestPrice",
            "LaunchTemplateConfigs": [{"LaunchTemplateSpecification": specification, "Overrides": overrides}],
        }
    )["SpotFleetRequestId"]
    members = ec2.describe_spot_fleet_instances(SpotFleetRequestId=fleet_id)["ActiveInstances"]
    register(aws, members[0]["InstanceId"])
    aws.client("ssm").put_parameter(Name="/steady/clusters/web/capacity", Value=f"spot-fleet:{fleet_id}", Type="String")
    return str(members[0]["InstanceId"])


def register(aws: boto3.Session, instance_id: str) -> None:
    aws.client("ecs").register_container_instance(
        cluster="web", instanceIdentityDocument=json.dumps({"instanceId": instance_id})
    )


def test_a_group_that_fits_is_said_to(aws: boto3.Session) -> None:
    service(aws, delay_s=60, stop_timeout_s=30)
    group(aws, template(aws, FITS))
    hook(aws)

    done = CliRunner().invoke(app, ["doctor", "web"])

    assert done.exit_code == 0, done.output
    assert done.stdout == "cluster web: all fits\n"


def test_what_of_a_group_does_not_fit_is_found(aws: boto3.Session) -> None:
    service(aws, delay_s=5, stop_timeout_s=30, interval_s=40)
    group(aws, template(aws, DRAINS_BY_ITSELF, DisableApiTermination=True), NewInstancesProtectedFromScaleIn=True)
    aws.client("autoscaling").put_scaling_policy(
        AutoScalingGroupName="web", PolicyName="cpu-75", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1
    )

    code, found = doctor()

    assert code == 1
    assert {f["check"] for f in found} == {
        "deregistration-delay",
        "health-check",
        "agent-spot-draining",
        "hook",
        "protected",
        "other-writer",
    }


def test_what_of_a_fleet_does_not_fit_is_found(aws: boto3.Session) -> None:
    service(aws, delay_s=300, stop_timeout_s=120)
    fleet(aws, template(aws, DRAINS_BY_ITSELF))
    container = {"name": "app", "image": "crunch", "cpu": 256, "memory": 512, "stopTimeout": 110}
    aws.client("ecs").register_task_definition(family="crunch", containerDefinitions=[container])
    aws.client("ecs").run_task(cluster="web", taskDefinition="crunch", launchType="EC2")

    code, found = doctor()

    assert code == 1
    # moto does not tag a fleet's instances, as EC2 does.
    assert [f["check"] for f in found] == ["stop-timeout", "stop-timeout", "agent-spot-draining", "tag"]
    assert [f["thing"] for f in found[:2]] == ["service api", "batch task crunch"]


@pytest.mark.parametrize("kind", ["group", "fleet"])
def test_once_all_of_it_is_mended_all_fits(aws: boto3.Session, kind: str) -> None:
    """What the commands do, done: the doctor has nothing more to say."""
    service(aws, delay_s=300 if kind == "fleet" else 5, stop_timeout_s=30)
    template_id = template(aws, FITS)
    instance_id = fleet(aws, template_id) if kind == "fleet" else ""
    if kind == "group":
        group(aws, template_id)
    code, found = doctor()
    assert (code, len(found)) == (1, 2)

    for command in (f["command"] for f in found):
        words = command.split()
        if "modify-target-group-attributes" in words:
            key, value = (part.partition("=")[2] for part in words[-1].split(","))
            aws.client("elbv2").modify_target_group_attributes(
                TargetGroupArn=words[words.index("--target-group-arn") + 1], Attributes=[{"Key": key, "Value": value}]
            )
        elif "create-tags" in words:
            assert words[words.index("--resources") + 1] == instance_id
            key, value = (part.partition("=")[2] for part in words[-1].split(","))
            aws.client("ec2").create_tags(Resources=[instance_id], Tags=[{"Key": key, "Value": value}])
        else:
            assert "put-lifecycle-hook" in words
            hook(aws)

    assert doctor() == (0, [])


def test_the_commands_are_printed_as_they_are_to_be_pasted(aws: boto3.Session) -> None:
    service(aws, delay_s=60, stop_timeout_s=30)
    group(aws, template(aws, FITS))

    done = CliRunner().invoke(app, ["doctor", "web"])

    assert done.exit_code == 1
    assert "1 thing does not fit" in done.stdout
    assert (
        f"    aws autoscaling put-lifecycle-hook --auto-scaling-group-name web --lifecycle-hook-name {HOOK_NAME}"
        in (done.stdout)
    )
    assert max(len(line) for line in done.stdout.splitlines()) > 150, "no command is wrapped"


def test_a_cluster_that_is_not_managed_is_named_in_one_line(aws: boto3.Session) -> None:
    done = CliRunner().invoke(app, ["doctor", "nobodys"])

    assert done.exit_code == 2
    assert "/steady/clusters/nobodys/capacity is missing" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
