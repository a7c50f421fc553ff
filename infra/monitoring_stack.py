"""Metrics of every container: cAdvisor on every cluster. Prometheus and Grafana run on one cluster, or elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_efs as efs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_servicediscovery as servicediscovery
from constructs import Construct

from infra.clusters.stack import ClusterStack
from infra.docker_hub import mirrored, pull_through
from infra.monitoring import grafana, prometheus
from infra.monitoring.cadvisor import Cadvisor
from infra.monitoring.grafana import Grafana
from infra.monitoring.prometheus import Prometheus
from infra.network import Network, existing, peer
from infra.network_slots import id_of
from infra.settings.monitoring import MonitoringImages, MonitoringSettings
from infra.settings.networks import ExistingNetwork
from infra.settings.target import Settings
from monitoring.configuration import CADVISOR_PORT

NAMESPACE = "steady.internal"


class MonitoringStack(cdk.Stack):
    """cAdvisor as a daemon service of each cluster, and the rules that let Prometheus scrape it.

    Instances of clusters that the deployment makes get these rules. For an adopted cluster, its operators add a rule
    for the security group that the stack puts out.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        metrics: MonitoringSettings,
        network: Network | ExistingNetwork,
        clusters: Sequence[ClusterStack] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, id_, **kwargs)
        mirror = settings.docker_hub_mirror
        images = {name: mirrored(image, mirror) for name, image in metrics.images.model_dump().items()}
        metrics = metrics.model_copy(update={"images": MonitoringImages(**images)})
        there = existing(self, network) if isinstance(network, ExistingNetwork) else network
        known = {
            row.name: ecs.Cluster.from_cluster_attributes(
                self, f"Cluster-{row.name}", cluster_name=row.name, vpc=there.vpc, has_ec2_capacity=True
            )
            for row in settings.clusters
        }
        for name, cluster in known.items():
            Cadvisor(self, f"Cadvisor-{name}", cluster=cluster, image=metrics.images.cadvisor)
        # Imported by their ids: a rule that names a security group of this stack has to belong to this stack.
        instances = {
            stack.row.name: ec2.SecurityGroup.from_security_group_id(
                self, f"Instances-{stack.row.name}", stack.made.instances.security_group.security_group_id
            )
            for stack in clusters
        }
        scrapers = [peer(self, source) for source in metrics.allow]
        if metrics.cluster:
            zones = settings.zones_of(metrics.cluster) or tuple(there.subnets)
            place = Network(there.vpc, {zone: there.subnets[zone] for zone in zones})
            scraper = self._services(settings, metrics, known[metrics.cluster], place, list(instances.values()))
            scrapers = [scraper.security_group]
        for group in instances.values():
            for scraper_ in scrapers:
                group.add_ingress_rule(scraper_, ec2.Port.tcp(CADVISOR_PORT), "Prometheus scrapes cAdvisor")
        for stack in clusters:
            self.add_stack_dependency(stack)

    def _services(
        self,
        settings: Settings,
        metrics: MonitoringSettings,
        cluster: ecs.ICluster,
        network: Network,
        instances: Sequence[ec2.ISecurityGroup],
    ) -> Prometheus:
        """Add Prometheus and Grafana, each with a folder and a host name, and the rules that let people in."""
        subnets = ec2.SubnetSelection(subnets=list(network.subnets.values()))
        files = efs.FileSystem(
            self,
            "Files",
            vpc=network.vpc,
            # Its addresses are made below: the CDK would number them by the order of the zones.
            vpc_subnets=ec2.SubnetSelection(subnets=[]),
            encrypted=True,
            enable_automatic_backups=True,
            throughput_mode=efs.ThroughputMode.ELASTIC,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        addresses = [
            efs.CfnMountTarget(
                files,
                f"EfsMountTarget{id_of(zone, metrics.made_for)}",
                file_system_id=files.file_system_id,
                security_groups=[group.security_group_id for group in files.connections.security_groups],
                subnet_id=subnet.subnet_id,
            )
            for zone, subnet in network.subnets.items()
        ]
        # Without a policy, all who reach a file system may read and write. With it, only roles that may, and by TLS.
        files.add_to_resource_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["elasticfilesystem:Client*"],
                conditions={"Bool": {"aws:SecureTransport": "false"}},
            )
        )
        namespace = servicediscovery.PrivateDnsNamespace(self, "Namespace", name=NAMESPACE, vpc=network.vpc)
        where = {"cluster": cluster, "subnets": subnets, "files": files, "namespace": namespace}
        scraper = Prometheus(self, "Prometheus", settings=metrics, **where)
        shown = Grafana(
            self, "Grafana", image=metrics.images.grafana, prometheus_host=f"prometheus.{NAMESPACE}", **where
        )
        if settings.docker_hub_mirror:
            # Its task has an execution role, for its password: ECS pulls its image with that.
            for statement in pull_through(self, settings.docker_hub_mirror):
                shown.task.add_to_execution_role_policy(statement)
        for service in (scraper, shown):
            # The folders exist before the service that mounts them.
            service.service.node.add_dependency(*addresses)
        scraper.security_group.add_ingress_rule(
            shown.security_group, ec2.Port.tcp(prometheus.PORT), "Grafana asks Prometheus"
        )
        # People reach both through an instance, with Session Manager, or from the sources in `allow`.
        for group in [*instances, *(peer(self, source) for source in metrics.allow)]:
            shown.security_group.add_ingress_rule(group, ec2.Port.tcp(grafana.PORT), "People look at Grafana")
            scraper.security_group.add_ingress_rule(group, ec2.Port.tcp(prometheus.PORT), "People ask Prometheus")
        for name, value, what in (
            ("Grafana", f"http://grafana.{NAMESPACE}:{grafana.PORT}", "Reachable within the VPC."),
            ("Prometheus", f"http://prometheus.{NAMESPACE}:{prometheus.PORT}", "Reachable within the VPC."),
            ("GrafanaPassword", shown.password.secret_name, "The secret that holds the password of admin."),
            (
                "ScraperSecurityGroup",
                scraper.security_group.security_group_id,
                f"Prometheus: instances of adopted clusters let it in at port {CADVISOR_PORT}.",
            ),
        ):
            cdk.CfnOutput(self, f"{name}Output", key=name, value=value, description=what)
        return scraper
