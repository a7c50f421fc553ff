"""The aggregators: fluentd behind a load balancer takes the lines of all instances and writes them to S3."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra import fitness
from infra.log_shipping.driver import PORT
from infra.log_shipping.fluentd import add_fluentd
from infra.network import Network, peer
from infra.settings.logs import AggregatorSettings

CPU_UNITS, MEMORY_MIB, MEMORY_LIMIT_MIB = 512, 768, 2048
# When stopped, an aggregator writes its buffer to S3 within this time. A Spot notice leaves as much.
STOP_TIMEOUT_S = 60
# Shippers open a connection for each chunk. None lasts longer than this.
DELAY_S = 30


class Aggregators(Construct):
    """A service of aggregators, each on its own instance, and the internal load balancer in front of them.

    Args:
        clients: the security groups that may send lines.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        cluster: ecs.ICluster,
        network: Network,
        zones: Sequence[str],
        bucket: s3.IBucket,
        settings: AggregatorSettings,
        clients: Sequence[ec2.ISecurityGroup],
    ) -> None:
        super().__init__(scope, id_)
        subnets = ec2.SubnetSelection(subnets=[network.subnets[zone] for zone in zones])
        task = ecs.Ec2TaskDefinition(self, "Task", family="steady-log-aggregator", network_mode=ecs.NetworkMode.AWS_VPC)
        task.add_to_task_role_policy(_put_objects(bucket))
        container = add_fluentd(
            task,
            image=settings.image,
            configuration="aggregator.yaml",
            environment={
                "AWS_REGION": cdk.Stack.of(self).region,
                "LOG_BUCKET": bucket.bucket_name,
                "LOG_FLUSH_SECONDS": str(settings.flush_seconds),
            },
            buffer_on_host="/var/lib/steady/log-aggregator",
            stop_timeout_s=STOP_TIMEOUT_S,
            cpu=CPU_UNITS,
            memory_reservation_mib=MEMORY_MIB,
            memory_limit_mib=MEMORY_LIMIT_MIB,
        )
        container.add_port_mappings(ecs.PortMapping(container_port=PORT))
        inside, door = (ec2.SecurityGroup(self, name, vpc=network.vpc) for name in ("Inside", "Door"))
        for client in clients:
            door.add_ingress_rule(client, ec2.Port.tcp(PORT), "Lines from shippers")
        for source in settings.allow:
            door.add_ingress_rule(peer(self, source), ec2.Port.tcp(PORT), "Lines from shippers")
        inside.add_ingress_rule(door, ec2.Port.tcp(PORT), "Lines and health checks")
        self.service = ecs.Ec2Service(
            self,
            "Service",
            service_name="steady-log-aggregator",
            cluster=cluster,
            task_definition=task,
            desired_count=settings.count,
            # The old one stops before the new one starts: no two may share a buffer on an instance's disk.
            # ECS rounds up: half of one is one, and the only aggregator would never be stopped for its successor.
            min_healthy_percent=50 if settings.count > 1 else 0,
            max_healthy_percent=100,
            placement_constraints=[ecs.PlacementConstraint.distinct_instances()],
            placement_strategies=[ecs.PlacementStrategy.spread_across(ecs.BuiltInAttributes.AVAILABILITY_ZONE)],
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            vpc_subnets=subnets,
            security_groups=[inside],
        )
        balancer = elbv2.NetworkLoadBalancer(
            self,
            "Balancer",
            vpc=network.vpc,
            vpc_subnets=subnets,
            internet_facing=False,
            # A zone whose aggregator is lost still reaches those in other zones.
            cross_zone_enabled=True,
            security_groups=[door],
        )
        self.door = door
        self.target_group = elbv2.NetworkTargetGroup(
            self,
            "Targets",
            vpc=network.vpc,
            port=PORT,
            protocol=elbv2.Protocol.TCP,
            target_type=elbv2.TargetType.IP,
            preserve_client_ip=False,
            targets=[self.service],
            deregistration_delay=cdk.Duration.seconds(min(DELAY_S, fitness.longest_delay_s(STOP_TIMEOUT_S))),
            # A connection that lasts longer is closed, and its chunk is sent again to another aggregator.
            connection_termination=True,
            health_check=elbv2.HealthCheck(
                protocol=elbv2.Protocol.TCP,
                interval=cdk.Duration.seconds(fitness.HEALTH_INTERVAL_S),
                healthy_threshold_count=fitness.HEALTHY_COUNT,
                unhealthy_threshold_count=fitness.UNHEALTHY_COUNT,
            ),
        )
        balancer.add_listener("Lines", port=PORT, default_target_groups=[self.target_group])
        self.address = balancer.load_balancer_dns_name


def _put_objects(bucket: s3.IBucket) -> iam.PolicyStatement:
    # The S3 plugin writes each object with one PutObject. fluentd/aggregator.yaml turns its other calls off.
    return iam.PolicyStatement(actions=["s3:PutObject"], resources=[bucket.arn_for_objects("*")])
