"""Clusters as they are found in accounts, made in moto: groups, capacity providers, and what ECS adds to them."""

from __future__ import annotations

import json
from typing import Any

import boto3

from steady.aws.service_out.hooks import MANAGED_DRAINING
from steady.names import TERMINATING
from tests.cli.accounts import template

ROOM = "#!/bin/bash\necho ECS_CLUSTER=web >> /etc/ecs/ecs.config\n"
SPOT_SHARE = {"OnDemandBaseCapacity": 0, "OnDemandPercentageAboveBaseCapacity": 0}


def make_group(aws: boto3.Session, name: str, template_id: str, *, desired: int = 1, **options: Any) -> str:
    """A group, its instances registered with the cluster; returns its ARN."""
    autoscaling = aws.client("autoscaling")
    how: dict[str, Any] = {"LaunchTemplate": {"LaunchTemplateId": template_id}}
    if "MixedInstancesPolicy" in options:
        how = {}
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName=name,
        **how,
        **{"MinSize": 0, "MaxSize": 5, "DesiredCapacity": desired, "AvailabilityZones": ["us-east-1a"], **options},
    )
    described = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
    for instance in described["Instances"]:
        document = json.dumps({"instanceId": instance["InstanceId"]})
        aws.client("ecs").register_container_instance(cluster="web", instanceIdentityDocument=document)
    return str(described["AutoScalingGroupARN"])


def provide(aws: boto3.Session, name: str, arn: str, **provider: Any) -> None:
    """A capacity provider as the usual Terraform module makes it: managed scaling, draining and protection are on."""
    given = {
        "autoScalingGroupArn": arn,
        "managedScaling": {"status": "ENABLED", "targetCapacity": 60},
        "managedTerminationProtection": "ENABLED",
        "managedDraining": "ENABLED",
        **provider,
    }
    aws.client("ecs").create_capacity_provider(name=name, autoScalingGroupProvider=given)


def drained_by_ecs(aws: boto3.Session, group: str) -> None:
    """What ECS adds to the group of a provider: a policy for managed scaling, and a hook for managed draining."""
    autoscaling = aws.client("autoscaling")
    autoscaling.put_lifecycle_hook(
        AutoScalingGroupName=group,
        LifecycleHookName=MANAGED_DRAINING,
        LifecycleTransition=TERMINATING,
        HeartbeatTimeout=3600,
        DefaultResult="CONTINUE",
    )
    autoscaling.put_scaling_policy(
        AutoScalingGroupName=group,
        PolicyName="ECSManagedAutoScalingPolicy-7f3a2b3c",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={
            "TargetValue": 60.0,
            "CustomizedMetricSpecification": {
                "MetricName": "CapacityProviderReservation",
                "Namespace": "AWS/ECS/ManagedScaling",
                "Statistic": "Average",
            },
        },
    )


def of_the_module(aws: boto3.Session) -> None:
    """The example `ec2-autoscaling` of terraform-aws-modules/ecs, and Fargate as in its example `complete`."""
    ecs, template_id = aws.client("ecs"), template(aws, ROOM)
    ecs.create_cluster(clusterName="web")
    overrides = [
        {"InstanceType": "m4.large", "WeightedCapacity": "2"},
        {"InstanceType": "t3.large", "WeightedCapacity": "1"},
    ]
    mixed = {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": {"LaunchTemplateId": template_id, "Version": "$Latest"},
            "Overrides": overrides,
        },
        "InstancesDistribution": {**SPOT_SHARE, "SpotAllocationStrategy": "price-capacity-optimized"},
    }
    common = {"MinSize": 1, "NewInstancesProtectedFromScaleIn": True}
    provide(aws, "ex_1", make_group(aws, "ex-ex_1-20261128", template_id, desired=2, **common))
    spot = make_group(aws, "ex-ex_2-20261128", template_id, desired=2, MixedInstancesPolicy=mixed, **common)
    provide(aws, "ex_2", spot)
    for group in ("ex-ex_1-20261128", "ex-ex_2-20261128"):
        drained_by_ecs(aws, group)
    strategy = [
        {"capacityProvider": "ex_1", "weight": 60, "base": 20},
        {"capacityProvider": "ex_2", "weight": 40},
    ]
    names = ["FARGATE", "FARGATE_SPOT", "ex_1", "ex_2"]
    ecs.put_cluster_capacity_providers(cluster="web", capacityProviders=names, defaultCapacityProviderStrategy=strategy)
