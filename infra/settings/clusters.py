"""The table of clusters in the context: each row is a cluster that is made, or one that is there and is adopted.

{"name": "web", "kind": "on-demand", "types": {"m5.large": 1, "m5.xlarge": 2}, "min": 2, "max": 40,
 "zones": ["us-east-1a", "us-east-1b"]}                  made: an ECS cluster on an Auto Scaling group of its own
{"name": "old", "capacity": "auto-scaling-group:old-asg"}  adopted
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_ec2 as ec2

from infra.settings.errors import BadSettings
from infra.settings.images import COMMON, GPU, Architecture, Image
from steady.pools import PoolKind, PoolName
from steady.thresholds import THRESHOLDS, parse_pool

KINDS = {"on-demand": PoolKind.AUTO_SCALING_GROUP, "spot": PoolKind.SPOT_FLEET}
ADOPTED_KEYS = {"name", "capacity", "hook", "thresholds"}
NEW_KEYS = {"name", "kind", "types", "min", "max", "zones", "ami", "volume_gib", "thresholds"}
# ECS: letters, digits, hyphens and underscores; the name is part of SSM parameters and IAM conditions, too.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")
# EC2's families with NVIDIA GPUs: p3, p4d, g4dn, g5, g6e, …
GPU_TYPE = re.compile(r"[pg]\d")
ARCHITECTURES = {
    ec2.InstanceArchitecture.X86_64: Architecture.X86_64,
    ec2.InstanceArchitecture.ARM_64: Architecture.ARM64,
}
DEFAULT_MAXIMUM = 100
# A made fleet terminates an instance at risk this long after it launched its replacement (EC2: 120 to 7,200 s).
REBALANCE_DEADLINE_S = 900
DEFAULT_VOLUME_GIB = 50


@dataclass(frozen=True)
class ManagedCluster:
    """One cluster of the table: the kind of its pool, and the thresholds that differ from the defaults."""

    name: str
    kind: PoolKind
    thresholds: Mapping[str, str]


@dataclass(frozen=True)
class AdoptedCluster(ManagedCluster):
    """A cluster that is there, on a pool that is there. `hook` is whether a group gets a lifecycle hook of ours."""

    pool: PoolName
    hook: bool = True


@dataclass(frozen=True)
class MadeCluster(ManagedCluster):
    """A cluster that the deployment makes. `types` are EC2 instance types, each with its units of capacity."""

    types: Mapping[str, int]
    minimum: int
    maximum: int
    zones: tuple[str, ...]
    image: Image
    volume_gib: int


def clusters_of(rows: Any, images: Mapping[str, Image]) -> tuple[AdoptedCluster | MadeCluster, ...]:
    """The clusters that the context `clusters` names.

    Raises:
        BadSettings: naming the row, what it says, and what is needed.
        BadThreshold: if a cluster's capacity or threshold is wrong.
    """
    if not isinstance(rows, list) or not rows:
        raise BadSettings(
            'context "clusters" is empty: a list of {"name": …, "kind": …, "types": …} or {"name": …, "capacity": …} '
            "is needed"
        )
    clusters = tuple(_cluster(row, images) for row in rows)
    names = [c.name for c in clusters]
    # A group that is made has the name of its cluster; a fleet that is made has a name that no other has.
    pools = [str(c.pool) if isinstance(c, AdoptedCluster) else f"{c.kind}:{c.name}" for c in clusters]
    for what, values in (("name", names), ("capacity", pools)):
        twice = sorted({v for v in values if values.count(v) > 1})
        if twice:
            raise BadSettings(f'context "clusters" has the {what} {twice[0]} twice: one cluster, one pool')
    return clusters


def _cluster(row: Any, images: Mapping[str, Image]) -> AdoptedCluster | MadeCluster:
    if not isinstance(row, dict) or not isinstance(row.get("name"), str) or ("kind" in row) == ("capacity" in row):
        raise BadSettings(
            f'context "clusters" has the row {row!r}: {{"name": …, "kind": …}} for a cluster that is made, or '
            '{"name": …, "capacity": …} for one that is there is needed'
        )
    name, where = row["name"], f'context "clusters", {row["name"]}'
    if not NAME.fullmatch(name):
        raise BadSettings(f"{where}: a name of letters, digits, - and _ that begins with a letter is needed")
    known = NEW_KEYS if "kind" in row else ADOPTED_KEYS
    if unknown := sorted(set(row) - known):
        raise BadSettings(f"{where}: {unknown[0]} is not known: one of {', '.join(sorted(known))} is needed")
    thresholds = _thresholds(row.get("thresholds", {}), where)
    if "kind" not in row:
        pool = parse_pool(str(row["capacity"]), f"{where}/capacity")
        hook = row.get("hook", True)
        if not isinstance(hook, bool):
            raise BadSettings(f"{where}: hook is {hook!r}: true, or false for a group that has one, is needed")
        return AdoptedCluster(name, pool.kind, thresholds, pool, hook)
    if row["kind"] not in KINDS:
        raise BadSettings(f"{where}: kind is {row['kind']!r}: one of {', '.join(KINDS)} is needed")
    return _made(row, KINDS[row["kind"]], thresholds, images, where)


def _thresholds(given: Any, where: str) -> dict[str, str]:
    if not isinstance(given, dict):
        raise BadSettings(f"{where}: thresholds are {given!r}: names with their values are needed")
    thresholds = {}
    for name, value in given.items():
        if name not in THRESHOLDS:
            raise BadSettings(f"{where}: {name} is no threshold: one of {', '.join(THRESHOLDS)} is needed")
        THRESHOLDS[name].parse(str(value), f"{where}/{name}")
        thresholds[name] = str(value)
    return thresholds


def _made(
    row: Mapping[str, Any], kind: PoolKind, thresholds: Mapping[str, str], images: Mapping[str, Image], where: str
) -> MadeCluster:
    types = _types(row.get("types"), where)
    minimum = _whole(row.get("min", 0), f"{where}: min", at_least=0)
    maximum = _whole(row.get("max", DEFAULT_MAXIMUM), f"{where}: max", at_least=1)
    if minimum > maximum:
        raise BadSettings(f"{where}: min is {minimum} and max is {maximum}: the first must not be over the second")
    zones = row.get("zones")
    if not isinstance(zones, list) or not zones or not all(isinstance(zone, str) and zone for zone in zones):
        raise BadSettings(f'{where}: zones are {zones!r}: a list such as ["us-east-1a", "us-east-1b"] is needed')
    volume_gib = _whole(row.get("volume_gib", DEFAULT_VOLUME_GIB), f"{where}: volume_gib", at_least=30)
    given = {"min_capacity": str(minimum), "max_capacity": str(maximum)}
    if kind is PoolKind.SPOT_FLEET:
        # The fleet launches a replacement when an instance is at risk: the handler empties the old one meanwhile.
        given |= {"on_rebalance": "drain", "rebalance_deadline_seconds": str(REBALANCE_DEADLINE_S)}
    return MadeCluster(
        row["name"],
        kind,
        {**given, **thresholds},
        types,
        minimum,
        maximum,
        tuple(dict.fromkeys(zones)),
        _image(row.get("ami"), types, images, where),
        volume_gib,
    )


def _types(given: Any, where: str) -> dict[str, int]:
    if not isinstance(given, dict) or not given:
        raise BadSettings(f'{where}: types are {given!r}: types with their weights, as {{"m5.large": 1}}, are needed')
    for type_ in given:
        if not re.fullmatch(r"[a-z0-9-]+\.[a-z0-9-]+", type_):
            raise BadSettings(f"{where}: {type_!r} is no EC2 instance type: one such as m5.large is needed")
    return {
        type_: _whole(weight, f"{where}: the weight of {type_}", at_least=1, at_most=999)
        for type_, weight in given.items()
    }


def _image(name: Any, types: Iterable[str], images: Mapping[str, Image], where: str) -> Image:
    gpu = any(GPU_TYPE.match(type_) for type_ in types)
    name = name or (GPU if gpu else COMMON)
    if name not in images:
        raise BadSettings(f'{where}: ami is {name!r}: one of {", ".join(images)} is needed (context "images")')
    image = images[name]
    if gpu and not image.gpu:
        raise BadSettings(
            f"{where}: its types have GPUs, and the image {name} has no driver for them: ami gpu is needed"
        )
    for type_ in types:
        architecture = ARCHITECTURES[ec2.InstanceType(type_).architecture]
        if architecture is not image.architecture:
            raise BadSettings(
                f"{where}: {type_} is {architecture}, and the image {name} is {image.architecture}: types of one "
                "architecture are needed, and an ami of the same"
            )
    return image


def _whole(value: Any, what: str, at_least: int, at_most: int = 100_000) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not at_least <= value <= at_most:
        raise BadSettings(f"{what} is {value!r}: a whole number from {at_least} to {at_most} is needed")
    return value
