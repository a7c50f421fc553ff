"""Auto Scaling groups: the desired capacity, and terminations that lower it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from steady.aws.capacity.kind import NoSuchPool, Routes, weights_of
from steady.aws.ecs.traffic import CLASSIC, LATTICE
from steady.aws.runtime import Runtime
from steady.pools import Pool, PoolName

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import AutoScalingGroupTypeDef

# Auto Scaling, TrafficSourceIdentifier: the type of a target group of ELB, and the others' names.
OF_ELB = "elbv2"
OTHER_SOURCES = {"elb": CLASSIC, "vpc-lattice": LATTICE}


def read_pool(runtime: Runtime, name: PoolName) -> Pool:
    """Return what the group is asked for and holds now.

    Raises:
        NoSuchPool: if there is no such group in this account and Region.
    """
    groups = runtime.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name.name])["AutoScalingGroups"]
    if not groups:
        raise NoSuchPool(f"there is no Auto Scaling group {name.name} in this account and Region: correct the capacity")
    group = groups[0]
    template = group.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
    return Pool(
        name,
        target=group["DesiredCapacity"],
        minimum=group["MinSize"],
        maximum=group["MaxSize"],
        # An instance that is on its way out (Terminating, Terminating:Wait, Detaching, Standby) does not count.
        members={
            i["InstanceId"]: i.get("InstanceType", "")
            for i in group["Instances"]
            if i["LifecycleState"].startswith(("Pending", "InService"))
        },
        weights=weights_of(template.get("Overrides", [])),
    )


def read_routes(runtime: Runtime, name: PoolName) -> Routes:
    """Return where the group registers its instances; nothing if there is no such group."""
    groups = runtime.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name.name])["AutoScalingGroups"]
    arns = {arn for group in groups for arn in _target_groups(group)}
    otherwise = {CLASSIC for group in groups if group.get("LoadBalancerNames")}
    sources = [source for group in groups for source in group.get("TrafficSources", [])]
    otherwise |= {OTHER_SOURCES[type_] for source in sources if (type_ := source.get("Type", "")) in OTHER_SOURCES}
    return Routes(tuple(sorted(arns)), frozenset(otherwise))


def _target_groups(group: AutoScalingGroupTypeDef) -> Iterator[str]:
    yield from group.get("TargetGroupARNs", [])
    # Auto Scaling: the type is required only for the name of a Classic Load Balancer. The ARN's service tells the rest.
    for source in group.get("TrafficSources", []):
        arn = source.get("Identifier", "")
        if source.get("Type", OF_ELB) == OF_ELB and arn.split(":")[2:3] == ["elasticloadbalancing"]:
            yield arn


def set_target(runtime: Runtime, pool: Pool, target: int, on_demand: int = 0) -> None:  # noqa: ARG001
    """Set the group's desired capacity, in units; a group has no on-demand part of its own."""
    runtime.autoscaling.set_desired_capacity(
        AutoScalingGroupName=pool.name.name, DesiredCapacity=target, HonorCooldown=False
    )


def terminate_instances(
    runtime: Runtime, pool: Pool, instance_ids: Sequence[str], target: int, on_demand: int = 0
) -> None:
    """Terminate instances one by one, each with a decrement of the desired capacity where `target` allows it."""
    spare = pool.target - target
    for instance_id in instance_ids:
        weight = pool.units([instance_id])
        # Where the minimum forbids a decrement, the group replaces the instance.
        _terminate(runtime, instance_id, decrement=weight <= spare)
        spare -= weight if weight <= spare else 0
    if spare < 0:
        set_target(runtime, pool, target, on_demand)


def _terminate(runtime: Runtime, instance_id: str, *, decrement: bool) -> None:
    try:
        runtime.autoscaling.terminate_instance_in_auto_scaling_group(
            InstanceId=instance_id, ShouldDecrementDesiredCapacity=decrement
        )
    except ClientError as error:
        # A repeated call finds the instance gone or going already; anything else is for the caller.
        message = error.response["Error"]["Message"]
        if "not found" not in message.lower() and "terminating" not in message.lower():
            raise
