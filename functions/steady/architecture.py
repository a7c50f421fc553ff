"""The built-in attributes of a container instance that its instance type decides.

ECS Developer Guide, "Define which container instances Amazon ECS uses for tasks": `ecs.instance-type`, and
`ecs.cpu-architecture`, which is `x86_64` or `arm64`.
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
