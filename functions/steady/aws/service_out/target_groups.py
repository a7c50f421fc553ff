"""Target groups: what kind of load balancer sends requests to them. It is read once in each process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steady.aws.cache import Cache
from steady.aws.ecs.lists import read_once
from steady.aws.runtime import Runtime

if TYPE_CHECKING:
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_elbv2.type_defs import TargetGroupTypeDef

# ELB: target groups a call (DescribeTargetGroups).
GROUPS_A_CALL = 20
# ELB: the protocols of an Application Load Balancer. All others are of Network and Gateway Load Balancers.
OF_APPLICATIONS = ("HTTP", "HTTPS")


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """The parts of a target group that are used here.

    Attributes:
        port: the port at which an instance is a target if none is named; None: not known.
        lingers: whether requests go on for some time after DeregisterTargets.
        is_ipv6: whether its targets are IPv6 addresses.
    """

    port: int | None = None
    lingers: bool = False
    is_ipv6: bool = False


# By ARN. The protocol, the port and the type of a target group never change (ELB API, ModifyTargetGroup).
TARGET_GROUPS: Cache[str, TargetGroup] = Cache()


def read_target_groups(runtime: Runtime, arns: Iterable[str]) -> Mapping[str, TargetGroup]:
    """Return the target groups `arns`, by ARN, without those that ELB does not describe. No error is raised.

    One that was deleted gets no requests: it counts as one of an Application Load Balancer.
    """
    # A session makes its clients in one thread only: before the calls side by side.
    known, refused = read_once(runtime, TARGET_GROUPS, runtime.elbv2_once, _describe, arns, GROUPS_A_CALL)
    if refused:
        some, error = next(iter(sorted(refused.items())))
        runtime.telemetry.warning(
            f"{len(refused)} target groups cannot be described, {some} among them: they may be of a Network Load "
            f"Balancer, so that their tasks are stopped as late as batch tasks: {error}",
            target_groups=sorted(refused),
        )
    return known


def _describe(client: ElasticLoadBalancingv2Client, arns: Sequence[str]) -> Mapping[str, TargetGroup]:
    try:
        found = client.describe_target_groups(TargetGroupArns=arns)["TargetGroups"]
    except client.exceptions.TargetGroupNotFoundException:
        if arns[1:]:
            # ELB refuses the whole call for one target group that was deleted.
            raise
        return {arns[0]: TargetGroup()}
    return {group.get("TargetGroupArn", ""): to_target_group(group) for group in found}


def to_target_group(group: TargetGroupTypeDef) -> TargetGroup:
    """Turn ELB's description of a target group into what is used here. Every member of it may be missing.

    containers-roadmap #470: a Network Load Balancer goes on sending to a target for 30 to 120 s after its
    deregistration, whatever state it shows.
    """
    protocol = group.get("Protocol")
    return TargetGroup(
        port=group.get("Port"),
        lingers=protocol is not None and protocol not in OF_APPLICATIONS,
        is_ipv6=group.get("IpAddressType") == "ipv6",
    )
