"""An ECS cluster on an Auto Scaling group of on-demand instances, one to one."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.clusters.container_instances import ContainerInstances
from infra.clusters.group import add_group
from infra.settings.clusters import MadeCluster
from steady.pools import PoolKind, PoolName


class OnDemandCluster(Construct):
    """The cluster of `row`, on the group of the same name."""

    def __init__(
        self, scope: Construct, id_: str, *, row: MadeCluster, vpc: ec2.IVpc, subnets: Sequence[ec2.ISubnet]
    ) -> None:
        super().__init__(scope, id_)
        self.cluster = ecs.CfnCluster(self, "Cluster", cluster_name=row.name)
        self.instances = ContainerInstances(self, "Instances", row=row, vpc=vpc)
        self.group = add_group(
            self,
            row=row,
            vpc=vpc,
            subnets=subnets,
            after=self.cluster,
            launch_template=self.instances.launch_template,
            maximum=row.maximum,
            distribution=autoscaling.InstancesDistribution(
                on_demand_percentage_above_base_capacity=100,
                # Types are tried in the order in which the operator wrote them in cdk.json.
                on_demand_allocation_strategy=autoscaling.OnDemandAllocationStrategy.PRIORITIZED,
            ),
        )
        self.pool = PoolName(PoolKind.AUTO_SCALING_GROUP, self.group.auto_scaling_group_name)
