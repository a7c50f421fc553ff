"""The network of the clusters: the operator's VPC and subnets, or a VPC that the deployment makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.settings.target import ExistingNetwork


@dataclass(frozen=True)
class Network:
    """A VPC, and for each zone the subnet in which instances are launched."""

    vpc: ec2.IVpc
    subnets: Mapping[str, ec2.ISubnet]


def existing(scope: Construct, network: ExistingNetwork) -> Network:
    """Return the network that cdk.json names."""
    zones = list(network.subnets)
    vpc = ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id=network.vpc,
        availability_zones=zones,
        private_subnet_ids=[network.subnets[zone] for zone in zones],
    )
    return Network(vpc, dict(zip(zones, vpc.private_subnets, strict=True)))


def peer(scope: Construct, source: str) -> ec2.IPeer:
    """Make a source of `allow`, a security group's id or a CIDR block, the peer of a security group's rule."""
    if source.startswith("sg-"):
        return ec2.SecurityGroup.from_security_group_id(scope, source, source)
    return ec2.Peer.ipv6(source) if ":" in source else ec2.Peer.ipv4(source)


class NetworkStack(cdk.Stack):
    """A VPC with a public and a private subnet in each of `zones`; instances are in the private ones."""

    def __init__(self, scope: Construct, id_: str, *, zones: Iterable[str], **kwargs: Any) -> None:
        super().__init__(scope, id_, **kwargs)
        names = sorted(set(zones))
        vpc = ec2.Vpc(
            self,
            "Vpc",
            availability_zones=names,
            # A NAT gateway in each zone: when a zone fails, the others keep their way out.
            nat_gateways=len(names),
            # Image layers come from S3 through this endpoint, not through the NAT gateways.
            gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
            flow_logs={"Rejected": ec2.FlowLogOptions(traffic_type=ec2.FlowLogTrafficType.REJECT)},
            restrict_default_security_group=False,
        )
        self.network = Network(vpc, dict(zip(names, vpc.private_subnets, strict=True)))
