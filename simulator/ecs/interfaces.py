"""Network interfaces: how many tasks in network mode awsvpc an instance takes.

ECS Developer Guide, "Allocate a network interface for an Amazon ECS task": each such task has an interface of its own,
and the instance has one itself, out of as many as EC2 allows for its type. "Increasing Amazon ECS Linux container
instance network interfaces": with the account setting `awsvpcTrunking`, an instance that registers has the attribute
`ecs.awsvpc-trunk-id`, and takes more. amazon-ecs-agent #2448: a c5.large takes 2 tasks, and 10 with a trunk; a service
that finds no room is told "RESOURCE:ENI".
"""

from __future__ import annotations

from simulator.instance_types import described

TRUNK = "ecs.awsvpc-trunk-id"
# ECS Developer Guide, "Supported instances for increased Amazon ECS container network interfaces", of m5, c5 and r5.
OF_TRUNK = {
    "large": 10,
    "xlarge": 20,
    "2xlarge": 40,
    "4xlarge": 60,
    "8xlarge": 60,
    "9xlarge": 60,
    "12xlarge": 60,
    "16xlarge": 120,
    "18xlarge": 120,
    "24xlarge": 120,
}


# The same page: "Although other instance types are supported in the same instance family, [these] are not supported."
# (Its list of families that are not, as far as they differ from what EC2 says, is `WITHOUT_TRUNK`.)
TYPES_WITHOUT_TRUNK = {"c5a.8xlarge", "c5ad.8xlarge", "p3dn.24xlarge", "r5.8xlarge"}
WITHOUT_TRUNK = {"c5n", "d3", "d3en", "g4dn", "i3en", "inf1", "m5dn", "m5n", "m5zn", "r5b", "r5n", "r5dn", "z1d"}


def takes_trunk(instance_type: str) -> bool:
    """Return whether an instance of `instance_type` can have a trunk: one on Nitro, no burstable one, as ECS lists."""
    found = described(instance_type)
    is_able = found.get("Hypervisor") == "nitro" and not found.get("BurstablePerformanceSupported")
    return is_able and instance_type not in TYPES_WITHOUT_TRUNK and instance_type.split(".")[0] not in WITHOUT_TRUNK


def interfaces_of(instance_type: str, *, trunked: bool) -> int:
    """Return how many tasks of their own network interface an instance of `instance_type` takes."""
    if trunked and (of_trunk := OF_TRUNK.get(instance_type.partition(".")[2])):
        return of_trunk
    most: int = described(instance_type)["NetworkInfo"]["MaximumNetworkInterfaces"]
    return most - 1
