"""Which instances of a pool are not what it launches today: by image, launch template, type or age."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from steady.aws.cache import Cache
from steady.aws.capacity.purchases import IDS_A_FILTER
from steady.aws.runtime import Runtime, batches
from steady.drift import Drift
from steady.pools import Pool, PoolKind
from steady.thresholds import Thresholds

DAY_S = 86_400
# Amazon EC2 User Guide, "Launch templates": the tags of an instance that was launched from one.
TEMPLATE_TAG, VERSION_TAG = "aws:ec2launchtemplate:id", "aws:ec2launchtemplate:version"
# Auto Scaling API, InstanceRefresh: while it has one of these, the group itself replaces instances.
REFRESHING = frozenset({"Pending", "InProgress", "Baking", "RollbackInProgress", "Cancelling"})


@dataclass(frozen=True, slots=True)
class Origin:
    """What an instance was launched from, and when; it never changes."""

    image: str
    template: str
    version: str
    launched_at: float


ORIGINS = Cache[str, Origin]()


def with_drift(runtime: Runtime, pool: Pool, thresholds: Thresholds) -> Pool:
    """Return `pool` with the instances that renewal is to replace; as it is where `renew` is off.

    What cannot be read is said, and nothing is renewed.
    """
    if thresholds.renew == "off":
        return pool
    try:
        return read_drift(runtime, pool, thresholds)
    except Exception as error:
        runtime.telemetry.warning(
            f"which instances of {pool.name} are out of date could not be read, so none is renewed; the next look "
            f"tries again: {error}"
        )
        return pool


def read_drift(runtime: Runtime, pool: Pool, thresholds: Thresholds) -> Pool:
    """Return `pool` with its drifted instances, by id, each with its cause, and with what it launches today."""
    current = [_current(runtime, id_, version) for id_, version in pool.templates]
    origins = _origins(runtime, pool.members)
    named = set(pool.weights)
    drifted = {}
    for id_, type_ in sorted(pool.members.items()):
        if (origin := origins.get(id_)) is None:
            continue
        cause = _cause(origin, current)
        if cause is None and named and type_ not in named:
            cause = Drift.TYPE
        is_old = (
            thresholds.max_instance_age and runtime.now() - origin.launched_at >= thresholds.max_instance_age * DAY_S
        )
        if cause is None and is_old:
            cause = Drift.AGE
        if cause:
            drifted[id_] = cause
    # A pool without a launch template has a launch configuration: types and age alone are told.
    launches = ", ".join(sorted({f"{image} ({id_}, version {version})" for id_, version, image in current}))
    refreshing = pool.name.kind is PoolKind.AUTO_SCALING_GROUP and bool(drifted) and _is_refreshing(runtime, pool)
    return replace(pool, drifted=drifted, launches=launches or "its launch configuration", refreshing=refreshing)


def _cause(origin: Origin, current: Collection[tuple[str, str, str]]) -> Drift | None:
    if not current or (origin.template, origin.version, origin.image) in current:
        return None
    return Drift.TEMPLATE if origin.image in {image for _, _, image in current} else Drift.IMAGE


def _current(runtime: Runtime, template: str, version: str) -> tuple[str, str, str]:
    """Return the template's id, the number of the version that `version` names, and its image.

    An image that is named by a parameter of SSM is what that stands for now (EC2 API, ResolveAlias).
    """
    [found] = runtime.ec2.describe_launch_template_versions(
        LaunchTemplateId=template, Versions=[version], ResolveAlias=True
    )["LaunchTemplateVersions"]
    return template, str(found["VersionNumber"]), found["LaunchTemplateData"].get("ImageId", "")


def _origins(runtime: Runtime, ids: Iterable[str]) -> Mapping[str, Origin]:
    """Return what each of the instances was launched from; those that EC2 does not describe yet are left out."""
    known = {id_: origin for id_ in ids if (origin := ORIGINS.get(runtime, id_))}
    pages = runtime.ec2.get_paginator("describe_instances")
    for some in batches(sorted(set(ids) - set(known)), IDS_A_FILTER):
        for page in pages.paginate(Filters=[{"Name": "instance-id", "Values": list(some)}]):
            for one in (i for reservation in page["Reservations"] for i in reservation["Instances"]):
                known[one["InstanceId"]] = ORIGINS.keep(runtime, one["InstanceId"], _origin(one))
    return known


def _origin(instance: Mapping[str, Any]) -> Origin:
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    return Origin(
        instance.get("ImageId", ""),
        tags.get(TEMPLATE_TAG, ""),
        tags.get(VERSION_TAG, ""),
        instance["LaunchTime"].timestamp(),
    )


def _is_refreshing(runtime: Runtime, pool: Pool) -> bool:
    answer = runtime.autoscaling_once.describe_instance_refreshes(AutoScalingGroupName=pool.name.name, MaxRecords=1)
    return any(one.get("Status") in REFRESHING for one in answer["InstanceRefreshes"])
