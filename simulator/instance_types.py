"""EC2 instance types, from the catalogue in moto (EC2 DescribeInstanceTypes)."""

from functools import cache
from typing import Any

from steady.cluster import Size

# The kernel and the ECS agent reserve some memory: an m5.8xlarge of 131,072 MiB registers about 97 % of it.
MEMORY_SHARE = 0.97


class NoSuchInstanceType(ValueError):
    """EC2 has no such instance type. The text names types of the same family."""


@cache
def registered_size(instance_type: str) -> Size:
    """Return the CPU units and the MiB that a container instance of `instance_type` registers with ECS.

    Raises:
        NoSuchInstanceType: if EC2 has no such type.
    """
    found = described(instance_type)
    memory_mib = found["MemoryInfo"]["SizeInMiB"]
    return Size(found["VCpuInfo"]["DefaultVCpus"] * 1024, int(memory_mib * MEMORY_SHARE))


@cache
def described(instance_type: str) -> dict[str, Any]:
    """Return what DescribeInstanceTypes answers for `instance_type`.

    Raises:
        NoSuchInstanceType: if EC2 has no such type.
    """
    # Imported here because the catalogue takes more than a second to load.
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


def is_type(name: str) -> bool:
    """Return whether EC2 has an instance type of this name."""
    try:
        described(name)
    except NoSuchInstanceType:
        return False
    return True
