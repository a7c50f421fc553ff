"""The platform of a container instance and of a task: the architecture of its processor, and its operating system.

ECS Developer Guide, "Define which container instances Amazon ECS uses for tasks": the built-in attributes
`ecs.instance-type`, `ecs.cpu-architecture` (`x86_64`, `arm64`), `ecs.os-type` (`linux`, `windows`) and `ecs.os-family`
(`LINUX`, `WINDOWS_SERVER_2022_CORE`, …).

A task definition may name both in `runtimePlatform`. amazon-ecs-agent PR 3044, by an engineer of AWS: if it names an OS
family, "this task would only be placed on the instances which broadcasted" that. Of the architecture, the guides say
neither that nor the contrary.
"""

import re
from collections.abc import Mapping

# EC2, "Instance type naming conventions": series, generation, then options, of which `g` is an AWS Graviton processor.
# The first Graviton instances, a1, were named before that.
_NAME = re.compile(r"(?P<series>[a-z]+)(?P<generation>\d+)(?P<options>[a-z-]*)")
_FIRST_GRAVITON = "a1"


def attributes_of(instance_type: str) -> Mapping[str, str]:
    """Return the attributes that each instance of `instance_type` registers with, by their names.

    >>> attributes_of("c7gn.large")["ecs.cpu-architecture"], attributes_of("g4dn.xlarge")["ecs.cpu-architecture"]
    ('arm64', 'x86_64')
    """
    family = instance_type.partition(".")[0]
    named = _NAME.match(family)
    is_arm = family == _FIRST_GRAVITON or bool(named and "g" in named["options"].partition("-")[0])
    return {"ecs.instance-type": instance_type, "ecs.cpu-architecture": "arm64" if is_arm else "x86_64"}


# The attributes that `platform_constraints` names.
PLATFORM = ("ecs.cpu-architecture", "ecs.os-type", "ecs.os-family")


def platform_constraints(runtime_platform: Mapping[str, str]) -> frozenset[str]:
    """Return the `runtimePlatform` of a task definition as the placement constraints that say the same.

    Agents say `linux` and `LINUX` of the same family (amazon-ecs-agent PR 3044): the type of the system stands for it.

    >>> sorted(platform_constraints({"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}))
    ['attribute:ecs.cpu-architecture == arm64', 'attribute:ecs.os-type == linux']
    """
    architecture = runtime_platform.get("cpuArchitecture", "").lower()
    system = runtime_platform.get("operatingSystemFamily", "")
    of_system = "ecs.os-type == linux" if system.upper() == "LINUX" else f"ecs.os-family == {system}"
    named = ([f"ecs.cpu-architecture == {architecture}"] if architecture else []) + ([of_system] if system else [])
    return frozenset(f"attribute:{one}" for one in named)


def meets_platform(expression: str, attributes: Mapping[str, str]) -> bool | None:
    """Return whether an instance with these `attributes` meets `expression`; None if it is no platform constraint.

    An instance that does not say its platform is taken to meet it.

    >>> meets_platform("attribute:ecs.cpu-architecture == arm64", {"ecs.cpu-architecture": "x86_64"})
    False
    >>> meets_platform("attribute:ecs.os-type == linux", {}), meets_platform("attribute:stack == prod", {})
    (True, None)
    """
    name, equals, value = expression.removeprefix("attribute:").partition(" == ")
    if not expression.startswith("attribute:") or not equals or name not in PLATFORM:
        return None
    return attributes.get(name, value) == value
