"""The container instances of a cluster: their role, their security group, and a launch template for each pool."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.clusters.instance_role import instance_role
from infra.clusters.user_data import user_data
from infra.settings.clusters import PlacedPool
from steady.names import CLUSTER_TAG, IMAGES_PATH


class ContainerInstances(Construct):
    """The instances of `cluster`: IMDSv2 only, encrypted volumes, login only by Session Manager."""

    def __init__(self, scope: Construct, id_: str, *, cluster: str, vpc: ec2.IVpc) -> None:
        super().__init__(scope, id_)
        # No ingress rules: operators add one for each load balancer (the stack's output `SecurityGroup`).
        self.security_group = ec2.SecurityGroup(self, "SecurityGroup", vpc=vpc, allow_all_outbound=True)
        self.role = instance_role(self, cluster)

    def add_template(self, scope: Construct, pool: PlacedPool) -> ec2.LaunchTemplate:
        """Make the launch template of the instances of `pool`."""
        made = pool.made
        template = ec2.LaunchTemplate(
            scope,
            "LaunchTemplate",
            # CloudFormation resolves the parameter at each deployment: EC2 does not for a Spot Fleet of type maintain.
            # It is ours: AWS's own changes with each release of the AMI, and a fleet is replaced by another template.
            machine_image=ec2.MachineImage.from_ssm_parameter(
                f"{IMAGES_PATH}/{pool.image}", os=ec2.OperatingSystemType.LINUX
            ),
            user_data=user_data(pool.cluster, made.ami, made.instance_attributes),
            role=self.role,
            security_group=self.security_group,
            http_tokens=ec2.LaunchTemplateHttpTokens.REQUIRED,
            # One hop: the agent reaches the instance's metadata, a container behind Docker's bridge does not.
            http_put_response_hop_limit=1,
            block_devices=[
                ec2.BlockDevice(
                    device_name=made.ami.root_device,
                    volume=ec2.BlockDeviceVolume.ebs(
                        made.volume_gib,
                        encrypted=True,
                        volume_type=ec2.EbsDeviceVolumeType.GP3,
                        delete_on_termination=True,
                    ),
                )
            ],
        )
        # The tags are put on the template, and on each instance and volume that is launched from it.
        cdk.Tags.of(template).add(CLUSTER_TAG, pool.cluster)
        cdk.Tags.of(template).add("Name", f"ecs {pool.image.replace('/', ' ')}")
        return template
