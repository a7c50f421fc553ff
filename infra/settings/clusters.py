"""The key `clusters` of cdk.json: each row is a cluster that is made, or one that exists and is adopted.

{"name": "web", "kind": "on-demand", "types": {"m5.large": 1, "m5.xlarge": 2}, "min": 2, "max": 40,
 "zones": ["us-east-1a", "us-east-1b"]}                  made: an ECS cluster on its own Auto Scaling group
{"name": "old", "capacity": "auto-scaling-group:old-asg"}  adopted
{"name": "mix", "pools": [{"name": "base", "capacity": "auto-scaling-group:mix"},
                          {"name": "spot", "capacity": "spot-fleet:sfr-…", "priority": 10}]}  adopted with its pools
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Self

import botocore.session
from aws_cdk import aws_ec2 as ec2
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    field_validator,
    model_validator,
)

from infra.settings.adopted import MOST_UNITS, AdoptedCluster, AdoptedPools, ManagedCluster
from infra.settings.checks import REQUIRED, Flag, needs, refusal, text, whole
from infra.settings.images import BUILT_IN, COMMON, GPU, Architecture, Image
from steady.pools import PoolKind


class MadeKind(StrEnum):
    """What a row's `kind` makes: a group of on-demand instances, a group of Spot Instances, or a Spot Fleet."""

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
# IAM: 10 managed policies of 6,144 characters each for a role. A role names its clusters and pools in each of some.
MOST_CLUSTERS = 100
# Lambda: 4 KB of environment variables. One has all names.
MOST_CHARACTERS_OF_NAMES = 3000
# A made fleet terminates an instance at risk this long after it launched its replacement (EC2: 120 to 7,200 s).
REBALANCE_DEADLINE_S = 900


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


_MOVES_FROM = MadeKind.SPOT_FLEET
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


class MadeCluster(ManagedCluster):
    """A cluster that the deployment makes. `types` are EC2 instance types, each with its units of capacity.

    cdk.json names the image `ami`. Where it does not, types with GPUs start from `gpu`, and all others from `common`.
    `moves_from` is `spot-fleet` while a cluster moves from its fleet to its group: both are there.

    The order of zones means nothing, nor does that of a fleet's types. With `keep_order`, both are as they are written:
    release 0.1.0 made them so, and a fleet whose overrides are in another order is replaced (CloudFormation).
    """

    # Its name is a part of its stack's name, which has no underscore (CloudFormation).
    name: Annotated[
        str, text(r"[A-Za-z][A-Za-z0-9-]{0,99}", "a name of up to 100 letters, digits and - that begins with a letter")
    ] = REQUIRED
    kind: Kind
    types: Types = REQUIRED
    minimum: Annotated[int, whole(0, MOST_UNITS)] = Field(default=0, alias="min")
    maximum: Annotated[int, whole(1, MOST_UNITS)] = Field(default=100, alias="max")
    keep_order: Flag = False
    zones: Zones = REQUIRED
    ami: Image = Field(default=None, validate_default=True)
    volume_gib: Annotated[int, whole(30, MOST_UNITS)] = 50
    moves_from: Annotated[
        MadeKind | None,
        BeforeValidator(MadeKind),
        needs(f"{_MOVES_FROM}, or no such key,", lambda word: word == _MOVES_FROM),
    ] = None

    @property
    def pool_kind(self) -> PoolKind:
        """Return the kind of the cluster's pool."""
        return self.kind.pool_kind

    @property
    def thresholds(self) -> Mapping[str, str]:
        """Return the row's bounds and the thresholds that fit its pool. Those that the row names come first."""
        given = {"min_capacity": str(self.minimum), "max_capacity": str(self.maximum)}
        if MadeKind.SPOT_FLEET in (self.kind, self.moves_from):
            # The fleet launches a replacement when an instance is at risk: the handler empties the old one meanwhile.
            given |= {"on_rebalance": "drain", "rebalance_deadline_seconds": str(REBALANCE_DEADLINE_S)}
        return {**given, **self.own_thresholds}

    @property
    def fleet_types(self) -> Mapping[str, int]:
        """Return the types with their units, sorted: a fleet prefers none. A group's are by preference, as written."""
        return self.types if self.keep_order else dict(sorted(self.types.items()))

    @field_validator("zones")
    @classmethod
    def _are_sorted(cls, zones: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return zones if info.data.get("keep_order") else tuple(sorted(zones))

    @model_validator(mode="after")
    def _has_min_under_max(self) -> Self:
        if self.minimum > self.maximum:
            raise refusal(f"a number that is not over max, {self.maximum}, is needed", "min")
        return self

    @model_validator(mode="after")
    def _moves_to_a_group(self) -> Self:
        if self.moves_from and self.kind is not MadeKind.SPOT:
            raise refusal(f"kind {MadeKind.SPOT} is needed, to which a fleet can move", "moves_from")
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


Row = AdoptedCluster | AdoptedPools | MadeCluster


def _pools_of(row: Row) -> list[tuple[str | int, ...]]:
    """Return the capacity of each pool of a row, as a key and a value, and where it stands in the row."""
    if isinstance(row, MadeCluster):
        return [("capacity", f"{row.pool_kind}:{row.name}", "name")]
    if isinstance(row, AdoptedCluster):
        return [("capacity", str(row.pool), "capacity")]
    return [("capacity", str(one.pool), "pools", number, "capacity") for number, one in enumerate(row.several)]


# Which key of a row says what it is.
KINDS_OF_ROW: Mapping[str, type[AdoptedCluster | AdoptedPools | MadeCluster]] = {
    "kind": MadeCluster,
    "capacity": AdoptedCluster,
    "pools": AdoptedPools,
}


def _row(given: Any, info: ValidationInfo) -> Row:
    if not isinstance(given, dict) or sum(key in given for key in KINDS_OF_ROW) != 1:
        raise refusal(
            'a row {"name": …, "kind": …, "types": …, "zones": …} for a cluster to make, or {"name": …, "capacity": …} '
            'or {"name": …, "pools": […]} for one that exists, is needed'
        )
    kind = next(of for key, of in KINDS_OF_ROW.items() if key in given)
    return kind.model_validate(given, context={"images": info.data.get("images")})


def _one_cluster_each(clusters: tuple[Row, ...]) -> tuple[Row, ...]:
    # A group that is made has the name of its cluster; a fleet that is made has a name that no other has.
    seen: dict[tuple[str | int, str | int], int] = {}
    for number, row in enumerate(clusters):
        for key, value, *at in (("name", row.name, "name"), *_pools_of(row)):
            if (other := seen.setdefault((key, value), number)) < number:
                needed = f"one cluster to a pool is needed, and clusters[{other}] has the {key} {value}, too"
                raise refusal(needed, number, *at)
    # Stacks, alarms and metrics whose names differ in case alone are taken for one another.
    lower = [c.name.lower() for c in clusters]
    for number, name in enumerate(lower):
        if (other := lower.index(name)) < number:
            raise refusal(
                f"a name that differs from {clusters[other].name} in more than case is needed", number, "name"
            )
    if len(clusters) > MOST_CLUSTERS:
        raise refusal(f"at most {MOST_CLUSTERS} clusters are needed: deploy others in another Region or account")
    characters = sum(len(c.name) + 1 for c in clusters)
    if characters > MOST_CHARACTERS_OF_NAMES:
        raise refusal(
            f"names with at most {MOST_CHARACTERS_OF_NAMES:,} characters in all are needed, and these have "
            f"{characters:,}: deploy some clusters in another Region or account"
        )
    return clusters


Clusters = Annotated[
    tuple[Annotated[Row, PlainValidator(_row)], ...],
    needs('a list of rows {"name": …, "kind": …, "types": …, "zones": …} or {"name": …, "capacity": …}', bool),
    AfterValidator(_one_cluster_each),
]
