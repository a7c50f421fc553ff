"""Read what EC2 offers as each instance type."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from steady.aws.cache import Cache
from steady.aws.runtime import Runtime, batches
from steady.cluster import InstanceShape, Size
from steady.trunks import takes_trunk, trunk_tasks

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import InstanceTypeInfoTypeDef

# EC2: how many types one call of DescribeInstanceTypes takes.
TYPES_A_CALL = 100
# The share of an instance's memory that it registers at most: the kernel and the ECS agent keep the rest. What an
# instance has registered with replaces this estimate.
MEMORY_REGISTERED = 0.93
# What EC2 offers as each type: it never changes.
SHAPES = Cache[str, InstanceShape]()
# The vCPUs and the MiB of each type, as EC2 counts them in a pool's capacity; and which of the two a unit is.
OFFERS = Cache[str, tuple[int, int]]()
UNITS = {"vcpu": 0, "memory-mib": 1}
# How many awsvpc tasks an instance of each type takes if it registers with a trunk; 0: it can have none.
TRUNKS = Cache[str, int]()
# The types that the Region does not have, as of the last `ABSENT_S`.
ABSENT_S = 3600.0
ABSENT = Cache[str, bool](ABSENT_S)


def shapes(runtime: Runtime, types: Iterable[str]) -> dict[str, InstanceShape]:
    """Return what EC2 offers as each of `types`; each type is read once a process.

    A type that the Region does not have is left out, and asked for again after `ABSENT_S`. So are all that are not read
    when EC2 refuses the call: what instances have registered with stands in for them.
    """
    asked = sorted(set(types))
    unread = [t for t in asked if SHAPES.get(runtime, t) is None and ABSENT.get(runtime, t) is None]
    for batch in batches(unread, TYPES_A_CALL):
        try:
            # EC2: an unknown type among InstanceTypes fails the whole call (InvalidInstanceType). A filter leaves out.
            pages = runtime.ec2.get_paginator("describe_instance_types").paginate(
                Filters=[{"Name": "instance-type", "Values": batch}]
            )
            infos = [info for page in pages for info in page["InstanceTypes"]]
        except Exception as error:
            runtime.telemetry.error(f"instance types {', '.join(batch)} cannot be read, and are left out: {error}")
            continue
        found = [_shape(info) for info in infos]
        for info in infos:
            OFFERS.keep(runtime, info["InstanceType"], _offer(info))
            TRUNKS.keep(runtime, info["InstanceType"], _trunk(info))
        for shape in found:
            SHAPES.keep(runtime, shape.name, shape)
        for absent in sorted(set(batch) - {shape.name for shape in found}):
            ABSENT.keep(runtime, absent, value=True)
            runtime.telemetry.warning(f"EC2 has no instance type {absent} in this Region: it is left out of all pools")
    return {type_: known for type_ in asked if (known := SHAPES.get(runtime, type_))}


def weights_in(runtime: Runtime, unit: str, types: Iterable[str]) -> dict[str, float]:
    """Return how many units each of `types` counts in a pool whose unit is `vcpu` or `memory-mib`; none for `units`.

    Auto Scaling API, DesiredCapacityType; EC2 API, TargetCapacityUnitType: both with attribute-based selection of types
    alone, where the pool names no type and no weight.
    """
    if unit not in UNITS:
        return {}
    asked = set(types)
    shapes(runtime, asked)
    offers = {type_: OFFERS.get(runtime, type_) for type_ in asked}
    return {type_: float(offer[UNITS[unit]]) for type_, offer in offers.items() if offer}


def trunk_limits(runtime: Runtime, types: Iterable[str]) -> dict[str, int]:
    """Return how many awsvpc tasks an instance of each of `types` takes with a trunk, without those that have none."""
    asked = set(types)
    shapes(runtime, asked)
    return {type_: tasks for type_ in sorted(asked) if (tasks := TRUNKS.get(runtime, type_))}


def _offer(info: InstanceTypeInfoTypeDef) -> tuple[int, int]:
    return info["VCpuInfo"]["DefaultVCpus"], info["MemoryInfo"]["SizeInMiB"]


def _trunk(info: InstanceTypeInfoTypeDef) -> int:
    type_ = info["InstanceType"]
    # EC2 API, InstanceTypeInfo: a bare metal instance has no hypervisor.
    on_nitro = info.get("BareMetal", False) or info.get("Hypervisor") == "nitro"
    if not takes_trunk(type_, on_nitro=on_nitro, burstable=info.get("BurstablePerformanceSupported", False)):
        return 0
    return trunk_tasks(type_, info["VCpuInfo"]["DefaultVCpus"] * 1024)


def _shape(info: InstanceTypeInfoTypeDef) -> InstanceShape:
    memory_mib = math.floor(info["MemoryInfo"]["SizeInMiB"] * MEMORY_REGISTERED)
    gpus = sum(gpu.get("Count", 0) for gpu in info.get("GpuInfo", {}).get("Gpus", []))
    # ECS: the instance's own network interface is one of them.
    enis = info.get("NetworkInfo", {}).get("MaximumNetworkInterfaces", 1) - 1
    return InstanceShape(info["InstanceType"], Size(info["VCpuInfo"]["DefaultVCpus"] * 1024, memory_mib), gpus, enis)
