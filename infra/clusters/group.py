"""The Auto Scaling group of a cluster that is made: its mixed instances policy, its bounds, and the lifecycle hook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.hook import add_hook
from infra.settings.clusters import MadeCluster
from steady.names import CLUSTER_TAG


def add_group(
    scope: Construct,
    *,
    row: MadeCluster,
    vpc: ec2.IVpc,
    subnets: Sequence[ec2.ISubnet],
    after: ecs.CfnCluster,
    launch_template: ec2.ILaunchTemplate,
    distribution: autoscaling.InstancesDistribution,
    maximum: int,
    **options: Any,
) -> autoscaling.AutoScalingGroup:
    """Make the group of `row`, with the name of its cluster, once the ECS cluster `after` is there.

    The suite sets the group's desired capacity. A changed launch template, type or zone is changed in place: new
    instances have it.
    """
    group = autoscaling.AutoScalingGroup(
        scope,
        "Group",
        auto_scaling_group_name=row.name,
        vpc=vpc,
        vpc_subnets=ec2.SubnetSelection(subnets=list(subnets)),
        min_capacity=row.minimum,
        max_capacity=maximum,
        mixed_instances_policy=autoscaling.MixedInstancesPolicy(
            launch_template=launch_template,
            launch_template_overrides=[
                autoscaling.LaunchTemplateOverrides(instance_type=ec2.InstanceType(type_), weighted_capacity=weight)
                for type_, weight in row.types.items()
            ],
            instances_distribution=distribution,
        ),
        **options,
    )
    group.node.add_dependency(after)
    add_hook(scope, "Hook", group.auto_scaling_group_name)
    cdk.Tags.of(group).add(CLUSTER_TAG, row.name)
    return group
