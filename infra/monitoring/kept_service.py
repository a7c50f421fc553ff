"""A service of one task with a folder on EFS and a host name in the VPC: Prometheus and Grafana are such services."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_efs as efs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_servicediscovery as servicediscovery
from constructs import Construct


class KeptService(Construct):
    """A service that never runs two tasks at a time: both would write into the same folder.

    Args:
        name: of the service, and of its host in `namespace`.
        folder: where the container keeps files that outlive it.
        user: the numeric id of the image's user, who owns the folder.
        props: of the container, its image, command and environment among them.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        port: int,
        folder: str,
        user: int,
        cluster: ecs.ICluster,
        subnets: ec2.SubnetSelection,
        files: efs.FileSystem,
        namespace: servicediscovery.INamespace,
        **props: Any,
    ) -> None:
        super().__init__(scope, id_)
        access = files.add_access_point(
            f"{id_}-{name}",
            path=f"/{name}",
            create_acl=efs.Acl(owner_uid=str(user), owner_gid=str(user), permissions="750"),
            posix_user=efs.PosixUser(uid=str(user), gid=str(user)),
        )
        self.task = ecs.Ec2TaskDefinition(self, "Task", family=f"steady-{name}", network_mode=ecs.NetworkMode.AWS_VPC)
        self.task.add_volume(
            name="kept",
            efs_volume_configuration=ecs.EfsVolumeConfiguration(
                file_system_id=files.file_system_id,
                transit_encryption="ENABLED",
                authorization_config=ecs.AuthorizationConfig(access_point_id=access.access_point_id, iam="ENABLED"),
            ),
        )
        self.task.add_to_task_role_policy(
            iam.PolicyStatement(
                actions=["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
                resources=[files.file_system_arn],
                conditions={"StringEquals": {"elasticfilesystem:AccessPointArn": access.access_point_arn}},
            )
        )
        container = self.task.add_container(
            name,
            user=str(user),
            stop_timeout=cdk.Duration.seconds(60),
            docker_security_options=["no-new-privileges"],
            logging=ecs.JsonFileLogDriver(max_size="10m", max_file=3),
            **props,
        )
        container.add_port_mappings(ecs.PortMapping(container_port=port))
        container.add_mount_points(ecs.MountPoint(source_volume="kept", container_path=folder, read_only=False))
        self.security_group = ec2.SecurityGroup(self, "SecurityGroup", vpc=cluster.vpc)
        self.service = ecs.Ec2Service(
            self,
            "Service",
            service_name=f"steady-{name}",
            cluster=cluster,
            task_definition=self.task,
            desired_count=1,
            min_healthy_percent=0,
            max_healthy_percent=100,
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            vpc_subnets=subnets,
            security_groups=[self.security_group],
            cloud_map_options=ecs.CloudMapOptions(
                name=name,
                cloud_map_namespace=namespace,
                dns_record_type=servicediscovery.DnsRecordType.A,
                dns_ttl=cdk.Duration.seconds(10),
            ),
        )
        files.connections.allow_default_port_from(self.security_group, f"The folder of {name}")
