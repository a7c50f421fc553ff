"""An ECS cluster on an Auto Scaling group of Spot Instances, one to one."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.clusters.container_instances import ContainerInstances
from infra.clusters.group import add_group
from infra.clusters.spot_fleet_cluster import add_fleet
from infra.settings.clusters import MadeCluster
from steady.pools import PoolKind, PoolName

# The group's own maximum, for each unit of the row's: beside instances that are about to go, their replacements.
ROOM_FOR_REPLACEMENTS = 2


class SpotCluster(Construct):
    """The cluster of `row`, on the group of the same name. The suite sets its desired capacity and its on-demand base.

    While the cluster moves from a Spot Fleet, the fleet stays, with the logical ids that it had.
    """

    def __init__(
        self, scope: Construct, id_: str, *, row: MadeCluster, vpc: ec2.IVpc, subnets: Sequence[ec2.ISubnet]
    ) -> None:
        super().__init__(scope, id_)
        self.cluster = ecs.CfnCluster(self, "Cluster", cluster_name=row.name)
        self.instances = ContainerInstances(self, "Instances", row=row, vpc=vpc)
        template = self.instances.launch_template
        self.group = add_group(
            self,
            row=row,
            vpc=vpc,
            subnets=subnets,
            after=self.cluster,
            launch_template=template,
            # The threshold `max_capacity` is what bounds the work.
            maximum=row.maximum * ROOM_FOR_REPLACEMENTS,
            # The base is not named: the suite sets it while Spot is short.
            distribution=autoscaling.InstancesDistribution(
                on_demand_percentage_above_base_capacity=0,
                on_demand_allocation_strategy=autoscaling.OnDemandAllocationStrategy.PRIORITIZED,
                spot_allocation_strategy=autoscaling.SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED,
            ),
            # A replacement is launched at a rebalance recommendation, or at the notice, and not two minutes later.
            capacity_rebalance=True,
        )
        if row.moves_from:
            add_fleet(self, row=row, launch_template=template, subnets=subnets, after=self.cluster)
        self.pool = PoolName(PoolKind.AUTO_SCALING_GROUP, self.group.auto_scaling_group_name)
