"""What the deployment makes for a cluster: a group or a fleet of EC2 instances, and what these are like."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Self

import botocore.session
from aws_cdk import aws_ec2 as ec2
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from infra.settings.adopted import PoolOfSeveral
from infra.settings.checks import REQUIRED, Flag, Table, needs, refusal, text, whole
from infra.settings.images import BUILT_IN, COMMON, GPU, Architecture, Image
from steady.pools import PoolKind
from steady.settings import MOST_UNITS


class MadeKind(StrEnum):
    """What `kind` makes: a group of on-demand instances, a group of Spot Instances, or a Spot Fleet."""

    ON_DEMAND = "on-demand"
    SPOT = "spot"
    SPOT_FLEET = "spot-fleet"

    @property
    def pool_kind(self) -> PoolKind:
        return PoolKind.SPOT_FLEET if self is MadeKind.SPOT_FLEET else PoolKind.AUTO_SCALING_GROUP


# EC2's families with NVIDIA GPUs: p3, p4d, g4dn, g5, g6e, gr6, … (EC2: "Specifications for accelerated computing")
GPU_TYPE = re.compile(r"(p|gr?)\d")
# Those with GPUs of AMD. No image here has their driver, and ECS schedules GPUs of NVIDIA alone (ECS: "GPU workloads").
AMD_GPU_TYPE = re.compile(r"g4ad\.")
ARCHITECTURES = {
    ec2.InstanceArchitecture.X86_64: Architecture.X86_64,
    ec2.InstanceArchitecture.ARM_64: Architecture.ARM64,
}


@cache
def _known_types() -> frozenset[str]:
    """Return the instance types that EC2's API model names (botocore)."""
    shape: Any = botocore.session.Session().get_service_model("ec2").shape_for("InstanceType")
    return frozenset(shape.enum)


def _known(type_: str) -> str:
    if AMD_GPU_TYPE.match(type_):
        raise refusal("a type without GPUs, or with GPUs of NVIDIA, is needed: ECS knows no others")
    if type_ not in _known_types():
        near = difflib.get_close_matches(type_, _known_types(), 1)
        raise refusal(f"a type that EC2 has{f', such as {near[0]},' if near else ''} is needed")
    return type_


@cache
def _architecture(type_: str) -> Architecture:
    return ARCHITECTURES[ec2.InstanceType(type_).architecture]


Kind = Annotated[
    MadeKind,
    BeforeValidator(MadeKind),
    needs(f"one of {', '.join(MadeKind)}", lambda word: isinstance(word, str) and word in list(MadeKind)),
]
# Types whose architecture the CDK knows (aws-cdk-lib: InstanceType).
InstanceType = Annotated[
    str,
    text(r"[a-z]+\d{1,2}[a-z-]*\.[a-z0-9-]+", "a key that is an EC2 instance type, such as m5.large,"),
    AfterValidator(_known),
]
Types = Annotated[
    Mapping[InstanceType, Annotated[int, whole(1, 999)]],
    needs('a table of types with their weights, such as {"m5.large": 1},', bool),
]
# us-east-1a, and local zones such as us-west-2-lax-1a.
ZONE = re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d)(?:[a-z]|-[a-z0-9-]+)")
Zone = Annotated[str, text(ZONE.pattern, "a zone such as us-east-1a")]
Zones = Annotated[
    tuple[Zone, ...],
    needs('a list such as ["us-east-1a", "us-east-1b"]', bool),
    AfterValidator(lambda zones: tuple(dict.fromkeys(zones))),
]


def region_of(zone: str) -> str:
    """Return the Region of a zone.

    >>> region_of("us-east-1a"), region_of("us-west-2-lax-1a")
    ('us-east-1', 'us-west-2')
    """
    found = ZONE.fullmatch(zone)
    return found[1] if found else ""


class Made(Table):
    """A pool that the deployment makes. `types` are EC2 instance types, each with its units of capacity.

    cdk.json names the image `ami`. Where it does not, types with GPUs start from `gpu`, and all others from `common`.

    The order of zones means nothing, nor does that of a fleet's types. With `keep_order`, both are as they are written:
    release 0.1.0 made them so, and a fleet whose overrides are in another order is replaced (CloudFormation).
    """

    kind: Kind = REQUIRED
    types: Types = REQUIRED
    minimum: Annotated[int, whole(0, MOST_UNITS)] = Field(default=0, alias="min")
    maximum: Annotated[int, whole(1, MOST_UNITS)] = Field(default=100, alias="max")
    keep_order: Flag = False
    zones: Zones = REQUIRED
    ami: Image = Field(default=None, validate_default=True)
    volume_gib: Annotated[int, whole(30, MOST_UNITS)] = 50

    @property
    def pool_kind(self) -> PoolKind:
        return self.kind.pool_kind

    @property
    def fleet_types(self) -> Mapping[str, int]:
        """Return the types with their units, sorted: a fleet prefers none. A group's are by preference, as written."""
        return self.types if self.keep_order else dict(sorted(self.types.items()))

    @property
    def instance_attributes(self) -> Mapping[str, str]:
        """Return the custom attributes of its container instances."""
        return {}

    @field_validator("zones")
    @classmethod
    def _are_sorted(cls, zones: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return zones if info.data.get("keep_order") else tuple(sorted(zones))

    @model_validator(mode="after")
    def _has_min_under_max(self) -> Self:
        if self.minimum > self.maximum:
            raise refusal(f"a number that is not over max, {self.maximum}, is needed", "min")
        return self

    @field_validator("ami", mode="plain")
    @classmethod
    def _fits_the_types(cls, name: Any, info: ValidationInfo) -> Image:
        types, images = info.data.get("types"), (info.context or {}).get("images")
        if types is None or images is None:
            # They are refused already.
            return BUILT_IN[COMMON]
        gpu = any(GPU_TYPE.match(type_) for type_ in types)
        if name in (None, ""):
            name = GPU if gpu else COMMON
        if not isinstance(name, str) or name not in images:
            raise refusal(f"one of {', '.join(images)} is needed (the key images adds your own)")
        image: Image = images[name]
        if gpu and not image.gpu:
            raise refusal(f"the types have GPUs and the image {name} has no driver for them: ami {GPU} is needed")
        for type_ in types:
            if (architecture := _architecture(type_)) is not image.architecture:
                raise refusal(
                    f"{type_} is {architecture} and the image {name} is {image.architecture}: types of one "
                    "architecture, and an ami of the same, are needed"
                )
        return image


class MadePool(PoolOfSeveral, Made):
    """A pool that the deployment makes, as one of several of its cluster."""

    @property
    def instance_attributes(self) -> Mapping[str, str]:
        return self.attributes

    @property
    def parameters(self) -> Mapping[str, int]:
        return {"min_capacity": self.minimum, "max_capacity": self.maximum, **super().parameters}
