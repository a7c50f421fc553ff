"""The Spot Fleet of type maintain of a pool that is made."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.settings.clusters import REBALANCE_DEADLINE_S, PlacedPool
from steady.names import CLUSTER_TAG


def add_fleet(
    scope: Construct,
    *,
    pool: PlacedPool,
    launch_template: ec2.LaunchTemplate,
    subnets: Sequence[ec2.ISubnet],
    after: ecs.CfnCluster | None,
) -> ec2.CfnSpotFleet:
    """Make the fleet of `pool`, once the ECS cluster `after` is there. It starts with target capacity 0.

    CloudFormation replaces a fleet whose template, types or zones change. The old fleet and its instances stay, and the
    suite still serves these out, by their tag. docs/clusters.md says how to remove the old fleet.
    """
    role = iam.Role(
        scope,
        "FleetRole",
        assumed_by=iam.ServicePrincipal("spotfleet.amazonaws.com"),
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AmazonEC2SpotFleetTaggingRole")],
    )
    fleet = ec2.CfnSpotFleet(
        scope,
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
                        launch_template_id=launch_template.launch_template_id,
                        version=launch_template.latest_version_number,
                    ),
                    overrides=[
                        ec2.CfnSpotFleet.LaunchTemplateOverridesProperty(
                            instance_type=type_, weighted_capacity=weight, subnet_id=subnet.subnet_id
                        )
                        for type_, weight in pool.made.fleet_types.items()
                        for subnet in subnets
                    ],
                )
            ],
            tag_specifications=[
                ec2.CfnSpotFleet.SpotFleetTagSpecificationProperty(
                    resource_type="spot-fleet-request", tags=[cdk.CfnTag(key=CLUSTER_TAG, value=pool.cluster)]
                )
            ],
        ),
    )
    fleet.node.add_dependency(*([after] if after else []), role)
    fleet.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
    fleet.cfn_options.deletion_policy = cdk.CfnDeletionPolicy.DELETE
    return fleet
