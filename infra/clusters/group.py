"""The Auto Scaling group of a pool that is made: its mixed instances policy, its bounds, and the lifecycle hook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.hook import add_hook
from infra.settings.clusters import PlacedPool
from infra.settings.made import MadeKind
from steady.names import CLUSTER_TAG


@dataclass(frozen=True, slots=True)
class GroupOfKind:
    """How the group of a kind buys its instances.

    Attributes:
        on_demand_percent: the percentage of on-demand instances. The base is not named: the suite sets it.
        rebalances: whether a replacement is launched at a rebalance recommendation, or at the notice, and not two
            minutes later.
        room: the group's own maximum, for each unit of the row's: beside instances that are about to go, their
            replacements. The threshold `max_capacity` is what bounds the work.
    """

    on_demand_percent: int
    spot_strategy: autoscaling.SpotAllocationStrategy | None = None
    rebalances: bool = False
    room: int = 1


GROUPS: Mapping[MadeKind, GroupOfKind] = {
    MadeKind.ON_DEMAND: GroupOfKind(100),
    MadeKind.SPOT: GroupOfKind(0, autoscaling.SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED, rebalances=True, room=2),
}


def add_group(
    scope: Construct,
    *,
    pool: PlacedPool,
    vpc: ec2.IVpc,
    subnets: Sequence[ec2.ISubnet],
    after: ecs.CfnCluster | None,
    launch_template: ec2.ILaunchTemplate,
) -> autoscaling.AutoScalingGroup:
    """Make the group of `pool`, once the ECS cluster `after` is there.

    The suite sets the group's desired capacity, and the on-demand base of one that launches Spot Instances. A changed
    launch template, type or zone is changed in place: new instances have it.
    """
    made, of_kind = pool.made, GROUPS[pool.made.kind]
    group = autoscaling.AutoScalingGroup(
        scope,
        "Group",
        auto_scaling_group_name=pool.group,
        vpc=vpc,
        vpc_subnets=ec2.SubnetSelection(subnets=list(subnets)),
        min_capacity=made.minimum,
        max_capacity=made.maximum * of_kind.room,
        mixed_instances_policy=autoscaling.MixedInstancesPolicy(
            launch_template=launch_template,
            launch_template_overrides=[
                autoscaling.LaunchTemplateOverrides(instance_type=ec2.InstanceType(type_), weighted_capacity=weight)
                for type_, weight in made.types.items()
            ],
            instances_distribution=autoscaling.InstancesDistribution(
                on_demand_percentage_above_base_capacity=of_kind.on_demand_percent,
                # Types are tried in the order in which the operator wrote them in cdk.json.
                on_demand_allocation_strategy=autoscaling.OnDemandAllocationStrategy.PRIORITIZED,
                spot_allocation_strategy=of_kind.spot_strategy,
            ),
        ),
        capacity_rebalance=True if of_kind.rebalances else None,
    )
    if after:
        group.node.add_dependency(after)
    add_hook(scope, "Hook", group.auto_scaling_group_name)
    cdk.Tags.of(group).add(CLUSTER_TAG, pool.cluster)
    return group
