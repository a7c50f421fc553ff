"""The shipper: fluentd on each container instance of a cluster, as a daemon service."""

from __future__ import annotations

from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.daemon import daemon_service
from infra.log_shipping.fluentd import add_fluentd
from steady.cluster import DEFAULT_STOP_TIMEOUT_S

CPU_UNITS, MEMORY_MIB, MEMORY_LIMIT_MIB = 64, 128, 512
# The instance's own logs and its id (written by cloud-init), each with its place in the container.
READ = {"/var/log": "/host/log", "/run/log": "/host/run-log", "/var/lib/cloud/data": "/host/cloud"}


class Shippers(Construct):
    """The daemon service of one cluster. It takes lines from Docker, on the instance's loopback address only."""

    def __init__(self, scope: Construct, id_: str, *, cluster: ecs.ICluster, image: str, aggregators: str) -> None:
        super().__init__(scope, id_)
        # Host network: Docker's log driver sends to the instance's loopback address.
        task = ecs.Ec2TaskDefinition(self, "Task", family="steady-log-shipper", network_mode=ecs.NetworkMode.HOST)
        add_fluentd(
            task,
            image=image,
            configuration="host.yaml",
            environment={"AGGREGATORS": aggregators, "CLUSTER": cluster.cluster_name},
            buffer_on_host="/var/lib/steady/log-shipper",
            mounts=READ,
            stop_timeout_s=DEFAULT_STOP_TIMEOUT_S,
            cpu=CPU_UNITS,
            memory_reservation_mib=MEMORY_MIB,
            memory_limit_mib=MEMORY_LIMIT_MIB,
        )
        self.service = daemon_service(self, "steady-log-shipper", cluster, task)
