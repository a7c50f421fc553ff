"""What an account holds, made in moto: templates, groups, fleets, services."""

from __future__ import annotations

import base64
import json
from typing import Any

import boto3

from steady.aws.runtime import Runtime
from steady.names import LEDGER_PARAMETER

IMAGE = "ami-12c6146b"
LEDGER = "the-ledger"


def ledger(runtime: Runtime) -> None:
    """The empty table of the suite's ledger, and the parameter that names it."""
    runtime.dynamodb.create_table(
        TableName=LEDGER,
        KeySchema=[{"AttributeName": "cluster", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "cluster", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    runtime.ssm.put_parameter(Name=LEDGER_PARAMETER, Value=LEDGER, Type="String")


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


def definition(aws: boto3.Session, family: str, stop_timeout_s: int = 30) -> str:
    """A task definition of 256 CPU units and 512 MiB; returns its ARN."""
    container = {"name": "app", "image": family, "cpu": 256, "memory": 512, "stopTimeout": stop_timeout_s}
    made = aws.client("ecs").register_task_definition(family=family, containerDefinitions=[container])
    return str(made["taskDefinition"]["taskDefinitionArn"])


def service(
    aws: boto3.Session, *, delay_s: int, stop_timeout_s: int, interval_s: int = 5, protocol: str = "HTTP"
) -> None:
    """A service of the cluster `web`, behind a target group."""
    ec2, elbv2, ecs = aws.client("ec2"), aws.client("elbv2"), aws.client("ecs")
    made = elbv2.create_target_group(
        Name="api",
        Protocol=protocol,
        Port=8080,
        VpcId=ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
        HealthCheckIntervalSeconds=interval_s,
        HealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]
    delay = {"Key": "deregistration_delay.timeout_seconds", "Value": str(delay_s)}
    elbv2.modify_target_group_attributes(TargetGroupArn=made, Attributes=[delay])
    ecs.create_cluster(clusterName="web")
    ecs.create_service(
        cluster="web",
        serviceName="api",
        taskDefinition=definition(aws, "api", stop_timeout_s),
        desiredCount=1,
        loadBalancers=[{"targetGroupArn": made, "containerName": "app", "containerPort": 8080}],
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
    _register(aws, described["Instances"][0]["InstanceId"])
    _manage(aws, "auto-scaling-group:web")


def fleet(aws: boto3.Session, template_id: str) -> str:
    """A Spot Fleet with one instance, which is registered with the cluster; returns the instance's id."""
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
    instance_id = str(members[0]["InstanceId"])
    _register(aws, instance_id)
    _manage(aws, f"spot-fleet:{fleet_id}")
    return instance_id


def _register(aws: boto3.Session, instance_id: str) -> None:
    aws.client("ecs").register_container_instance(
        cluster="web", instanceIdentityDocument=json.dumps({"instanceId": instance_id})
    )


def _manage(aws: boto3.Session, pool: str) -> None:
    aws.client("ssm").put_parameter(Name="/steady/clusters/web/capacity", Value=pool, Type="String")
