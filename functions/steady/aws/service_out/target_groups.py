"""Target groups: what kind of load balancer sends requests to them. It is read once in each process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from steady.aws.cache import Cache
from steady.aws.runtime import Runtime, batches

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
    """Return the target groups `arns`, by ARN, without those that ELB does not describe. No error is raised."""
    asked = sorted(set(arns))
    unread = [arn for arn in asked if TARGET_GROUPS.get(runtime, arn) is None]
    if unread:
        # A session makes its clients in one thread only: before the calls side by side.
        look = partial(_describe, runtime, runtime.elbv2_once)
        for found in runtime.in_parallel(look, batches(unread, GROUPS_A_CALL)):
            for group in found:
                TARGET_GROUPS.keep(runtime, group.get("TargetGroupArn", ""), to_target_group(group))
    return {arn: known for arn in asked if (known := TARGET_GROUPS.get(runtime, arn))}


def _describe(runtime: Runtime, client: ElasticLoadBalancingv2Client, arns: Sequence[str]) -> list[TargetGroupTypeDef]:
    try:
        return client.describe_target_groups(TargetGroupArns=arns)["TargetGroups"]
    except client.exceptions.TargetGroupNotFoundException:
        # ELB refuses the whole call for one target group that was deleted.
        return [group for arn in arns for group in _describe(runtime, client, [arn])] if arns[1:] else []
    except (ClientError, BotoCoreError) as error:
        runtime.telemetry.warning(
            f"{len(arns)} target groups cannot be described, so that they count as those of an Application Load "
            f"Balancer: {error}",
            target_groups=list(arns),
        )
        return []


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
