"""An ECS cluster on a Spot Fleet of type maintain, one to one."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.clusters.container_instances import ContainerInstances
from infra.settings.clusters import REBALANCE_DEADLINE_S, MadeCluster
from steady.names import CLUSTER_TAG
from steady.pools import PoolKind, PoolName


class SpotCluster(Construct):
    """The cluster of `row`, on its own fleet. The fleet starts with target capacity 0; the suite sets it from then on.

    CloudFormation replaces a fleet whose template, types or zones change. The old fleet and its instances stay, and the
    suite still serves these out, by their tag. docs/clusters.md says how to remove the old fleet.
    """

    def __init__(
        self, scope: Construct, id_: str, *, row: MadeCluster, vpc: ec2.IVpc, subnets: Sequence[ec2.ISubnet]
    ) -> None:
        super().__init__(scope, id_)
        self.cluster = ecs.CfnCluster(self, "Cluster", cluster_name=row.name)
        self.instances = ContainerInstances(self, "Instances", row=row, vpc=vpc)
        template = self.instances.launch_template
        role = iam.Role(
            self,
            "FleetRole",
            assumed_by=iam.ServicePrincipal("spotfleet.amazonaws.com"),
            managed_policies=[
                iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AmazonEC2SpotFleetTaggingRole")
            ],
        )
        self.fleet = ec2.CfnSpotFleet(
            self,
            "Fleet",
            spot_fleet_request_config_data=ec2.CfnSpotFleet.SpotFleetRequestConfigDataProperty(
                type="maintain",
                iam_fleet_role=role.role_arn,
                allocation_strategy="capacityOptimized",
                # Always 0: if it changed, a deployment would overwrite the target that the suite has set.
                target_capacity=0,
                replace_unhealthy_instances=True,
                terminate_instances_with_expiration=False,
                spot_maintenance_strategies=ec2.CfnSpotFleet.SpotMaintenanceStrategiesProperty(
                    capacity_rebalance=ec2.CfnSpotFleet.SpotCapacityRebalanceProperty(
                        replacement_strategy="launch-before-terminate",
                        # The handler empties the old instance within this time (threshold `on_rebalance`: drain).
                        termination_delay=REBALANCE_DEADLINE_S,
                    )
                ),
                launch_template_configs=[
                    ec2.CfnSpotFleet.LaunchTemplateConfigProperty(
                        launch_template_specification=ec2.CfnSpotFleet.FleetLaunchTemplateSpecificationProperty(
                            launch_template_id=template.launch_template_id, version=template.latest_version_number
                        ),
                        overrides=[
                            ec2.CfnSpotFleet.LaunchTemplateOverridesProperty(
                                instance_type=type_, weighted_capacity=weight, subnet_id=subnet.subnet_id
                            )
                            for type_, weight in row.ordered_types.items()
                            for subnet in subnets
                        ],
                    )
                ],
                tag_specifications=[
                    ec2.CfnSpotFleet.SpotFleetTagSpecificationProperty(
                        resource_type="spot-fleet-request", tags=[cdk.CfnTag(key=CLUSTER_TAG, value=row.name)]
                    )
                ],
            ),
        )
        self.fleet.node.add_dependency(self.cluster, role)
        self.fleet.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
        self.fleet.cfn_options.deletion_policy = cdk.CfnDeletionPolicy.DELETE
        self.pool = PoolName(PoolKind.SPOT_FLEET, self.fleet.ref)
