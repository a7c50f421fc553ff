"""The capacity of a cluster: an Auto Scaling group's desired capacity, or a Spot Fleet's target capacity."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from steady.aws.cache import Cache
from steady.aws.runtime import Runtime, batches
from steady.cluster import InstanceShape, Pool, PoolKind, PoolName, Size
from steady.names import CLUSTER_TAG

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import (
        InstanceTypeInfoTypeDef,
        SpotFleetRequestConfigDataOutputTypeDef,
    )

# A Spot Fleet has no maximum of its own (Service Quotas: target capacity 10,000 a fleet): the threshold holds.
FLEET_MAXIMUM = 10_000
TERMINATIONS_A_CALL = 1000
TYPES_A_CALL = 100
# What the kernel and the ECS agent leave of an instance's memory, at least: it holds until one was seen registered.
MEMORY_REGISTERED = 0.93
# What EC2 offers as each type: it never changes.
SHAPES = Cache[str, InstanceShape]()


class NoSuchPool(ValueError):
    """The pool that a cluster's `capacity` parameter names does not exist, or no longer runs."""


def pool(runtime: Runtime, name: PoolName) -> Pool:
    """What `name` is asked for and holds now.

    Raises:
        NoSuchPool: if there is no such group or fleet in this account and Region.
    """
    return _group(runtime, name) if name.kind is PoolKind.AUTO_SCALING_GROUP else _fleet(runtime, name)


def set_target(runtime: Runtime, pool: Pool, target: int, on_demand: int = 0) -> None:
    """Asks `pool` for `target` units of capacity: an absolute figure, so that doing it twice is doing it once.

    Args:
        on_demand: how many of a fleet's units are to be on-demand.
    """
    if pool.name.kind is PoolKind.AUTO_SCALING_GROUP:
        runtime.autoscaling.set_desired_capacity(
            AutoScalingGroupName=pool.name.name, DesiredCapacity=target, HonorCooldown=False
        )
        return
    _modify_fleet(runtime, pool, target, on_demand)


def terminate(runtime: Runtime, pool: Pool, instance_ids: Sequence[str], target: int, on_demand: int = 0) -> None:
    """Terminates instances of `pool` so that it does not replace them, and asks it for `target` units."""
    if pool.name.kind is PoolKind.SPOT_FLEET:
        _modify_fleet(runtime, pool, target, on_demand)
        for batch in batches(instance_ids, TERMINATIONS_A_CALL):
            runtime.ec2.terminate_instances(InstanceIds=batch)
        return
    spare = pool.target - target
    for instance_id in instance_ids:
        # Where the minimum forbids a decrement, the group replaces the instance.
        weight = pool.units([instance_id])
        _terminate_in_group(runtime, instance_id, decrement=weight <= spare)
        spare -= weight if weight <= spare else 0
    if spare < 0:
        set_target(runtime, pool, target)


def _modify_fleet(runtime: Runtime, pool: Pool, target: int, on_demand: int) -> None:
    change: dict[str, Any] = {"TargetCapacity": target}
    if on_demand != pool.on_demand:
        change["OnDemandTargetCapacity"] = on_demand
    if target <= pool.target or on_demand < pool.on_demand:
        # The fleet must not choose what to take: it is lowered without terminations, and we take what is empty.
        change["ExcessCapacityTerminationPolicy"] = "noTermination"
    runtime.ec2.modify_spot_fleet_request(SpotFleetRequestId=pool.name.name, **change)


@dataclass(frozen=True, slots=True)
class Origin:
    """What an instance's tags say: the pool that launched it, and the cluster that it was made for ("": none)."""

    pool: PoolName | None = None
    cluster: str = ""


def origins_of(runtime: Runtime, instance_ids: Iterable[str]) -> dict[str, Origin]:
    """Where each of `instance_ids` comes from, by its tags. Instances that are gone are not in it."""
    found = {}
    for batch in batches(sorted(set(instance_ids)), 200):
        # A filter, unlike InstanceIds, leaves out what is gone instead of failing.
        pages = runtime.ec2.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-id", "Values": batch}]
        )
        for page in pages:
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    tags = {t["Key"]: t["Value"] for t in instance.get("Tags", [])}
                    found[instance["InstanceId"]] = Origin(_pool_of(tags), tags.get(CLUSTER_TAG, ""))
    return found


def _pool_of(tags: dict[str, str]) -> PoolName | None:
    if fleet := tags.get("aws:ec2spot:fleet-request-id"):
        return PoolName(PoolKind.SPOT_FLEET, fleet)
    if group := tags.get("aws:autoscaling:groupName"):
        return PoolName(PoolKind.AUTO_SCALING_GROUP, group)
    return None


def _group(runtime: Runtime, name: PoolName) -> Pool:
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
        weights=_weights(template.get("Overrides", [])),
    )


def fleet_config(runtime: Runtime, name: PoolName) -> SpotFleetRequestConfigDataOutputTypeDef:
    """What the Spot Fleet `name` was asked for.

    Raises:
        NoSuchPool: if there is no such fleet, or it was cancelled.
    """
    try:
        requests = runtime.ec2.describe_spot_fleet_requests(SpotFleetRequestIds=[name.name])["SpotFleetRequestConfigs"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("InvalidSpotFleetRequestId.NotFound", "InvalidParameterValue"):
            raise
        requests = []
    if not requests or str(requests[0]["SpotFleetRequestState"]).startswith("cancelled"):
        raise NoSuchPool(f"there is no running Spot Fleet request {name.name} in this account: correct the capacity")
    return requests[0]["SpotFleetRequestConfig"]


def _fleet(runtime: Runtime, name: PoolName) -> Pool:
    config = fleet_config(runtime, name)
    pages = runtime.ec2.get_paginator("describe_spot_fleet_instances").paginate(SpotFleetRequestId=name.name)
    instances = [i for page in pages for i in page["ActiveInstances"]]
    templates = config.get("LaunchTemplateConfigs", [])
    offers: list[Any] = [
        *config.get("LaunchSpecifications", []),
        *(o for t in templates for o in t.get("Overrides", [])),
    ]
    return Pool(
        name,
        config["TargetCapacity"],
        0,
        FLEET_MAXIMUM,
        members={i["InstanceId"]: i.get("InstanceType", "") for i in instances},
        weights=_weights(offers),
        on_demand=config.get("OnDemandTargetCapacity", 0),
        # EC2: an instance of a fleet without a Spot request is an on-demand one.
        on_demand_members=frozenset(i["InstanceId"] for i in instances if not i.get("SpotInstanceRequestId")),
        # EC2: the on-demand part of a Spot Fleet needs a launch template.
        may_fall_back=bool(templates),
    )


def _weights(offers: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The types that a pool may launch, and how many units each counts."""
    return {str(o["InstanceType"]): int(o.get("WeightedCapacity") or 1) for o in offers if o.get("InstanceType")}


def shapes(runtime: Runtime, types: Iterable[str]) -> dict[str, InstanceShape]:
    """What EC2 offers as each of `types`; each is read once a process."""
    unread = [type_ for type_ in types if SHAPES.get(runtime, type_) is None]
    for batch in batches(unread, TYPES_A_CALL):
        for info in runtime.ec2.describe_instance_types(InstanceTypes=batch)["InstanceTypes"]:  # type: ignore[arg-type]
            shape = _shape(info)
            SHAPES.keep(runtime, shape.name, shape)
    return {type_: known for type_ in types if (known := SHAPES.get(runtime, type_))}


def _shape(info: InstanceTypeInfoTypeDef) -> InstanceShape:
    memory_mib = math.floor(info["MemoryInfo"]["SizeInMiB"] * MEMORY_REGISTERED)
    gpus = sum(gpu.get("Count", 0) for gpu in info.get("GpuInfo", {}).get("Gpus", []))
    # ECS: the instance's own network interface is one of them.
    enis = info.get("NetworkInfo", {}).get("MaximumNetworkInterfaces", 1) - 1
    return InstanceShape(info["InstanceType"], Size(info["VCpuInfo"]["DefaultVCpus"] * 1024, memory_mib), gpus, enis)


def _terminate_in_group(runtime: Runtime, instance_id: str, *, decrement: bool) -> None:
    try:
        runtime.autoscaling.terminate_instance_in_auto_scaling_group(
            InstanceId=instance_id, ShouldDecrementDesiredCapacity=decrement
        )
    except ClientError as error:
        # A repeated call finds the instance gone or going already; anything else is for the caller.
        message = error.response["Error"]["Message"]
        if "not found" not in message.lower() and "terminating" not in message.lower():
            raise
