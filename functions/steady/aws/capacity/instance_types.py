"""Read what EC2 offers as each instance type."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from steady.aws.cache import Cache
from steady.aws.runtime import Runtime, batches
from steady.cluster import InstanceShape, Size

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import InstanceTypeInfoTypeDef

# EC2: how many types one call of DescribeInstanceTypes takes.
TYPES_A_CALL = 100
# The share of an instance's memory that it registers at most: the kernel and the ECS agent keep the rest. What an
# instance has registered with replaces this estimate.
MEMORY_REGISTERED = 0.93
# What EC2 offers as each type: it never changes.
SHAPES = Cache[str, InstanceShape]()


def shapes(runtime: Runtime, types: Iterable[str]) -> dict[str, InstanceShape]:
    """Return what EC2 offers as each of `types`; each type is read once a process."""
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
