"""ENI trunking: how many awsvpc tasks an instance takes whose network interfaces are branches of a trunk."""

import re
from functools import cache

# ECS Developer Guide, "Supported instances for increased Amazon ECS container network interfaces": the task limit with
# trunking follows the number of vCPUs in almost every family, from the next lower row. EC2 does not say it.
TASKS_BY_VCPUS = ((64, 120), (16, 60), (8, 40), (4, 20), (2, 10))
OF_ONE_VCPU = 4
# The same page: the 8xlarge and the 12xlarge of Intel's and AMD's sixth generation take more. Later generations do,
# too, and some accelerated ones (amazon-vpc-resource-controller-k8s, pkg/aws/vpc/limits.go, which is made from EC2's
# own figures: its branch interfaces and its interfaces, less the primary one and the trunk, are what the page says). A
# flex type of up to 32 vCPUs takes what a type with half its vCPUs does.
SIXTH_GENERATION = re.compile(r"[cmrx][6-8][ai](?!-flex)|(?:g6e?|gr6|inf2)\.")
TASKS_OF_SIXTH = ((48, 120), (32, 90))
TASKS_OF_FLEX = ((24, 120),)
# The same sources: the types that follow no row.
OF_TYPE = {
    "a1.medium": 10,
    "g5.xlarge": 6,
    "g5.2xlarge": 19,
    "g5.4xlarge": 40,
    "g5.8xlarge": 90,
    "g5.12xlarge": 120,
    "f2.6xlarge": 90,
    "f2.12xlarge": 120,
    "i4i.xlarge": 8,
    "i4i.2xlarge": 28,
    "i4i.4xlarge": 58,
    "i4i.8xlarge": 118,
    "i4i.12xlarge": 118,
    "i4i.16xlarge": 248,
    "i4i.24xlarge": 118,
    "i4i.32xlarge": 498,
    "i4i.metal": 498,
    "i7i.8xlarge": 90,
    "i7i.12xlarge": 90,
    "trn1.2xlarge": 19,
    "trn1n.32xlarge": 242,
    "u-3tb1.56xlarge": 12,
    "x2gd.medium": 10,
    "x2iedn.xlarge": 13,
    "x2iedn.2xlarge": 29,
    "x2iedn.8xlarge": 120,
    "x2iezn.2xlarge": 64,
}
OF_FAMILY = {"g4ad": 12, "g7e": 120, "x2iezn": 120}
# Apple's processors, on bare metal.
OF_MAC = 12
# The smaller ones of these families take more than others, and the middle ones fewer.
DENSE_STORAGE = ("i7ie", "i8ge")
TASKS_OF_DENSE_STORAGE = ((64, 120), (24, 60), (4, 29), (2, 20))
# The same page: "Although other instance types are supported in the same instance family", these are not; and the
# families that are not, as far as EC2 does not say it: all others on Nitro are, except burstable ones.
UNSUPPORTED_TYPES = frozenset(
    {
        *("a1.metal", "c5.metal", "c5a.8xlarge", "c5ad.8xlarge", "c5d.metal", "i4i.large", "m5.metal"),
        *("p3dn.24xlarge", "r5.metal", "r5.8xlarge", "r5d.metal"),
    }
)
UNSUPPORTED_FAMILIES = frozenset(
    {
        *("c5n", "d3", "d3en", "g4dn", "i3", "i3en", "inf1", "m5dn", "m5n", "m5zn", "mac1"),
        *("r5b", "r5n", "r5dn", "u-6tb1", "u-9tb1", "u-12tb1", "z1d"),
    }
)


def takes_trunk(instance_type: str, *, on_nitro: bool, burstable: bool) -> bool:
    """Return whether ECS gives an instance of this type a trunk, where the account setting is on.

    Args:
        on_nitro: whether it is an instance of the Nitro system, bare metal included (EC2 API, InstanceTypeInfo).
        burstable: whether its performance is burstable (t3, t4g).

    >>> [takes_trunk(type_, on_nitro=True, burstable=False) for type_ in ("m5.large", "c5n.large")]
    [True, False]
    """
    is_listed = instance_type not in UNSUPPORTED_TYPES and instance_type.partition(".")[0] not in UNSUPPORTED_FAMILIES
    return on_nitro and not burstable and is_listed


@cache
def trunk_tasks(instance_type: str, cpu_units: int) -> int:
    """Return how many awsvpc tasks a trunked instance of this type takes, which has so many CPU units (1024 a vCPU).

    >>> trunk_tasks("m5.large", 2048), trunk_tasks("m5.8xlarge", 32768), trunk_tasks("m6id.8xlarge", 32768)
    (10, 60, 90)
    >>> trunk_tasks("m7i-flex.large", 2048), trunk_tasks("g5.xlarge", 4096)
    (4, 6)
    """
    family = instance_type.partition(".")[0]
    of_its_own = OF_TYPE.get(instance_type, OF_MAC if family.startswith("mac") else OF_FAMILY.get(family))
    if of_its_own is not None:
        return of_its_own
    vcpus = cpu_units // (2048 if family.endswith("-flex") else 1024)
    return max((tasks for least, tasks in _rows_of(instance_type, family) if vcpus >= least), default=OF_ONE_VCPU)


def _rows_of(instance_type: str, family: str) -> tuple[tuple[int, int], ...]:
    """Return the tasks that such an instance takes, by the fewest vCPUs."""
    if family in DENSE_STORAGE:
        return TASKS_OF_DENSE_STORAGE
    if family.endswith("-flex"):
        return (*TASKS_OF_FLEX, *TASKS_BY_VCPUS)
    return (*(TASKS_OF_SIXTH if SIXTH_GENERATION.match(instance_type) else ()), *TASKS_BY_VCPUS)
