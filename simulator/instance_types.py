"""What EC2 instance types offer, from the catalogue that moto keeps (EC2 DescribeInstanceTypes)."""

from functools import cache
from typing import Any

from steady.cluster import Size

# The kernel and the ECS agent keep some memory: an m5.8xlarge of 131,072 MiB registers about 97 % of it.
MEMORY_SHARE = 0.97


class NoSuchInstanceType(ValueError):
    """An instance type that EC2 does not have."""


@cache
def registered_size(instance_type: str) -> Size:
    """What a container instance of `instance_type` registers with ECS.

    Raises:
        NoSuchInstanceType: with types of a like name.
    """
    found = described(instance_type)
    memory_mib = found["MemoryInfo"]["SizeInMiB"]
    return Size(found["VCpuInfo"]["DefaultVCpus"] * 1024, int(memory_mib * MEMORY_SHARE))


@cache
def described(instance_type: str) -> dict[str, Any]:
    """What DescribeInstanceTypes says of `instance_type`.

    Raises:
        NoSuchInstanceType: with types of a like name.
    """
    # Imported when first needed: the catalogue of all types takes more than a second to load.
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    found: dict[str, Any] | None = INSTANCE_TYPES.get(instance_type)
    if found is None:
        family = instance_type.partition(".")[0]
        like = [name for name in sorted(INSTANCE_TYPES) if name.partition(".")[0] == family] or [
            "m5.large",
            "m5.8xlarge",
        ]
        raise NoSuchInstanceType(f'"{instance_type}" is no EC2 instance type: one such as {", ".join(like)} is needed')
    return found
