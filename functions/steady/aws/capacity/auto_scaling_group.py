"""Auto Scaling groups: the desired capacity, and terminations that lower it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from steady.arns import group_of
from steady.aws.capacity import instance_types, purchases, type_order
from steady.aws.capacity.kind import (
    NoSuchPool,
    Routes,
    template_name,
    terminate_each,
    types_named_in,
    weights_of,
)
from steady.aws.ecs.traffic import CLASSIC, LATTICE
from steady.aws.runtime import Runtime, batches
from steady.pools import Pool, PoolName, TemplateName

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import AutoScalingGroupTypeDef

# The service in the ARN of a target group of Elastic Load Balancing.
ELB = "elasticloadbalancing"
# Auto Scaling, lifecycle states: those of an instance that counts for the desired capacity begin with one of these. One
# whose root volume an instance refresh replaces keeps running (User Guide, "Replace root volumes during instance
# refresh"). One on its way out (Terminating, Detaching, EnteringStandby, Standby) does not count.
REPLACING = "ReplacingRootVolume"
COUNTED = ("Pending", "InService", REPLACING, "RootVolumeReplaced")
# Auto Scaling User Guide, "How suspended processes affect other processes": without it a group begins no launch, so no
# scaling activity says why it has fewer instances than it is asked for.
LAUNCH = "Launch"
# A hook holds the instance before it is terminated.
WAITING = "Terminating:Wait"
# ECS API, DescribeCapacityProviders: results of one page.
PROVIDERS_A_PAGE = 10
# How many pages are read for the latest activity: most often the first one has it.
ACTIVITY_PAGES = 5
# One call each, of some tenths of a second: the function ends well within its timeout.
TERMINATIONS_A_DECISION = 100
# Auto Scaling, TrafficSourceIdentifier: the types that are no such target groups.
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
    types = {i.get("InstanceType", "") for i in group["Instances"]} - {""}
    pool = Pool(
        name,
        target=group["DesiredCapacity"],
        minimum=group["MinSize"],
        maximum=group["MaxSize"],
        members={
            i["InstanceId"]: i.get("InstanceType", "")
            for i in group["Instances"]
            if i["LifecycleState"].startswith(COUNTED)
        },
        weights={
            **instance_types.weights_in(runtime, group.get("DesiredCapacityType", ""), types),
            # Auto Scaling: each instance says what it counts; a type may have left the overrides since.
            **weights_of(i for i in group["Instances"] if "WeightedCapacity" in i),
            **weights_of(template.get("Overrides", [])),
        },
        waiting=frozenset(i["InstanceId"] for i in group["Instances"] if i["LifecycleState"] == WAITING),
        replacing=frozenset(i["InstanceId"] for i in group["Instances"] if i["LifecycleState"].startswith(REPLACING)),
        order=type_order.order_of(group.get("MixedInstancesPolicy", {})),
        zones=_zones(group),
        launch_zones=frozenset(group.get("AvailabilityZones", [])),
        templates=templates_of(group),
        configuration=group.get("LaunchConfigurationName", ""),
        configured={
            i["InstanceId"]: i["LaunchConfigurationName"]
            for i in group["Instances"]
            if i.get("LaunchConfigurationName")
        },
        named_types=types_named_in(template.get("Overrides", [])),
    )
    if LAUNCH in _suspended(group) and pool.held < pool.target:
        pool = replace(pool, trouble=f"its process {LAUNCH} is suspended: aws autoscaling resume-processes resumes it")
    return purchases.with_spot(runtime, pool, group)


def templates_of(group: Mapping[str, Any]) -> tuple[TemplateName, ...]:
    """Return the launch templates that the group launches from; a launch configuration is none.

    An override of a mixed instances policy may have a template, or an image, of its own (Auto Scaling API,
    LaunchTemplateOverrides). The policy's template is for the others.
    """
    policy = group.get("MixedInstancesPolicy", {}).get("LaunchTemplate", {})
    base = policy.get("LaunchTemplateSpecification") or group.get("LaunchTemplate")
    found = []
    for one in policy.get("Overrides") or ([{}] if base else []):
        specification = one.get("LaunchTemplateSpecification") or base
        if specification:
            found.append(template_name(specification, types_named_in([one]), one.get("ImageId", "")))
    # Of most policies all overrides use the same template.
    merged: dict[TemplateName, frozenset[str]] = {}
    for one in found:
        key = replace(one, types=frozenset())
        is_any = not one.types or merged.get(key) == frozenset()
        merged[key] = frozenset() if is_any else merged.get(key, frozenset()) | one.types
    return tuple(replace(key, types=types) for key, types in merged.items())


def _zones(group: Mapping[str, Any]) -> Mapping[str, frozenset[str]]:
    """Return the instances in each of the group's zones; nothing if it does not balance them.

    Auto Scaling User Guide, "Suspend and resume processes": AZRebalance balances the instances over all zones.
    """
    names = group.get("AvailabilityZones", [])
    if len(names) < 2 or "AZRebalance" in _suspended(group):
        return {}
    return {
        name: frozenset(i["InstanceId"] for i in group["Instances"] if i.get("AvailabilityZone") == name)
        for name in names
    }


def _suspended(group: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(one.get("ProcessName", "") for one in group.get("SuspendedProcesses", []))


def read_routes(runtime: Runtime, name: PoolName) -> Routes:
    """Return where the group registers its instances; nothing if there is no such group. It is asked once."""
    answer = runtime.autoscaling_once.describe_auto_scaling_groups(AutoScalingGroupNames=[name.name])
    groups = answer["AutoScalingGroups"]
    return to_routes(groups[0]) if groups else Routes()


def to_routes(group: AutoScalingGroupTypeDef) -> Routes:
    """Turn a group's description into the places where it registers its instances. Every member may be missing."""
    arns = set(group.get("TargetGroupARNs", []))
    otherwise = {CLASSIC} if group.get("LoadBalancerNames") else set()
    for source in group.get("TrafficSources", []):
        type_, identifier = source.get("Type", ""), source.get("Identifier", "")
        if type_ in OTHER_SOURCES:
            otherwise.add(OTHER_SOURCES[type_])
        elif identifier.split(":")[2:3] == [ELB]:
            # Auto Scaling: the type may be missing for target groups.
            arns.add(identifier)
    return Routes(tuple(sorted(arns)), frozenset(otherwise))


def read_trouble(runtime: Runtime, name: PoolName) -> str:
    """Return the message of the group's latest scaling activity, if it failed; else "".

    Auto Scaling API, DescribeScalingActivities: a response "can contain fewer items than the value specified by
    MaxRecords, even when more items are available".
    """
    pages = runtime.autoscaling_once.get_paginator("describe_scaling_activities").paginate(
        AutoScalingGroupName=name.name, PaginationConfig={"PageSize": 1}
    )
    latest = next(
        (activity for page in itertools.islice(pages, ACTIVITY_PAGES) for activity in page["Activities"]), None
    )
    return latest.get("StatusMessage", "") if latest and latest["StatusCode"] in ("Failed", "Cancelled") else ""


def read_providers(runtime: Runtime, name: PoolName, providers: Sequence[str]) -> frozenset[str]:
    """Return the names of those of `providers` whose group it is."""
    found = set()
    for batch in batches(providers, PROVIDERS_A_PAGE):
        for one in runtime.ecs.describe_capacity_providers(capacityProviders=batch)["capacityProviders"]:
            arn = one.get("autoScalingGroupProvider", {}).get("autoScalingGroupArn", "")
            # Auto Scaling: …:autoScalingGroup:ID:autoScalingGroupName/NAME. The API also takes the bare name.
            if group_of(arn) == name.name:
                found.add(one.get("name", ""))
    return frozenset(found)


def set_target(runtime: Runtime, pool: Pool, target: int, on_demand: int = 0) -> None:
    """Set the group's desired capacity and, of a group of Spot Instances, its on-demand part, in units.

    Both are set by one call: in between, the group would launch, or replace, what is not meant.
    """
    if on_demand == pool.on_demand:
        _set_desired_capacity(runtime, pool.name, target)
        return
    try:
        purchases.set_on_demand(runtime, pool.name, on_demand, target)
    except Exception:
        # Whatever keeps the base as it is: the capacity is not to wait for it.
        _set_desired_capacity(runtime, pool.name, target)
        raise


def delete_mark(runtime: Runtime, name: PoolName) -> None:
    """Delete the mark of the group's on-demand base (`on_demand_mark`)."""
    purchases.delete_mark(runtime, name)


def _set_desired_capacity(runtime: Runtime, name: PoolName, target: int) -> None:
    runtime.autoscaling.set_desired_capacity(
        AutoScalingGroupName=name.name, DesiredCapacity=target, HonorCooldown=False
    )


def terminate_instances(
    runtime: Runtime,
    pool: Pool,
    instance_ids: Sequence[str],
    target: int,
    on_demand: int,
    before_call: Callable[[], None],
) -> Mapping[str, str]:
    """Terminate instances one by one, each with a decrement of the desired capacity where `target` allows it.

    Those beyond `TERMINATIONS_A_DECISION` are left to the next decision. The on-demand part is set first: the group
    would launch on-demand instances in the place of those that go, and end Spot Instances for them
    (kubernetes/autoscaler, issue 6787).
    """
    if target > pool.target or on_demand != pool.on_demand:
        set_target(runtime, pool, max(target, pool.target), on_demand)
    spare = max(0, pool.target - target)

    def terminate(instance_id: str) -> None:
        nonlocal spare
        weight = pool.units([instance_id])
        # Where the minimum forbids a decrement, the group replaces the instance.
        decrement = weight <= spare
        # The units of one that is refused are no other instance's.
        spare -= weight if decrement else 0
        _terminate(runtime, instance_id, decrement=decrement)

    return terminate_each(instance_ids[:TERMINATIONS_A_DECISION], terminate, before_call)


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
