"""The network of the clusters: the operator's VPC and subnets, or a VPC that the deployment makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.network_slots import BLOCK, SECOND_BLOCK, Slot, slots_of
from infra.settings.networks import ExistingNetwork, MadeNetwork

AnySubnet = TypeVar("AnySubnet", bound=ec2.Subnet)


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
    """A VPC with a public and a private subnet in each of `zones`; instances are in those that `made` says.

    The subnets of a zone are the same whichever other zones there are (`infra/network_slots.py`), and all of them are
    exported: a stack of a cluster may still import one that no row of cdk.json names any more.
    """

    def __init__(self, scope: Construct, id_: str, *, zones: Iterable[str], made: MadeNetwork, **kwargs: Any) -> None:
        super().__init__(scope, id_, **kwargs)
        slots = slots_of(zones, made.made_for)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(BLOCK),
            # The subnets are made below: the CDK would split the block by the number and the order of the zones.
            availability_zones=list(slots),
            subnet_configuration=[],
            flow_logs={"Rejected": ec2.FlowLogOptions(traffic_type=ec2.FlowLogTrafficType.REJECT)},
            restrict_default_security_group=False,
        )
        # Each construct below has the path, and so the logical id, that the CDK gives it.
        self.internet = ec2.CfnInternetGateway(self.vpc, "IGW")
        cdk.Tags.of(self.internet).add("Name", self.vpc.node.path)
        self.attachment = ec2.CfnVPCGatewayAttachment(
            self.vpc, "VPCGW", vpc_id=self.vpc.vpc_id, internet_gateway_id=self.internet.ref
        )
        self.second_block = None
        if any(slot.is_in_second_block for slot in slots.values()):
            self.second_block = ec2.CfnVPCCidrBlock(
                self.vpc, "SecondBlock", vpc_id=self.vpc.vpc_id, cidr_block=SECOND_BLOCK
            )
        public = {zone: self._public_subnet(zone, slot) for zone, slot in slots.items()}
        private = {
            zone: self._subnet(ec2.PrivateSubnet, "Private", zone, slot, slot.private) for zone, slot in slots.items()
        }
        if made.has_nat:
            # A NAT gateway in each zone: when a zone fails, the others keep their way out.
            for zone in slots:
                private[zone].add_default_nat_route(public[zone].add_nat_gateway().ref)
        # Image layers come from S3 through this endpoint, not through the NAT gateways.
        self.vpc.add_gateway_endpoint(
            "S3",
            service=ec2.GatewayVpcEndpointAwsService.S3,
            subnets=[ec2.SubnetSelection(subnets=[*private.values(), *public.values()])],
        )
        self.export_value(self.vpc.vpc_id)
        for subnet in (*private.values(), *public.values()):
            self.export_value(subnet.subnet_id)
        self.network = Network(self.vpc, private if made.has_nat else public)

    def _public_subnet(self, zone: str, slot: Slot) -> ec2.PublicSubnet:
        subnet = self._subnet(ec2.PublicSubnet, "Public", zone, slot, slot.public)
        subnet.add_default_internet_route(self.internet.ref, self.attachment)
        return subnet

    def _subnet(self, of: type[AnySubnet], kind: str, zone: str, slot: Slot, cidr: str) -> AnySubnet:
        """Make a subnet with the tags that the CDK gives those of a VPC; it waits for the block that it is in."""
        subnet = of(
            self.vpc,
            f"{kind}Subnet{slot.id}",
            availability_zone=zone,
            vpc_id=self.vpc.vpc_id,
            cidr_block=cidr,
            map_public_ip_on_launch=kind == "Public",
        )
        for key in ("aws-cdk:subnet-name", "aws-cdk:subnet-type"):
            cdk.Tags.of(subnet).add(key, kind, include_resource_types=["AWS::EC2::Subnet"])
        cdk.Tags.of(subnet).add("Name", subnet.node.path)
        if slot.is_in_second_block and self.second_block:
            subnet.node.add_dependency(self.second_block)
        return subnet
