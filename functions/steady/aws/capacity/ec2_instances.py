"""Instances as EC2 describes them, by their ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steady.aws.cache import Cache
from steady.aws.runtime import Runtime, batches
from steady.pools import Purchase

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

# EC2: how many values one filter of DescribeInstances takes.
IDS_A_FILTER = 200
# Amazon EC2 User Guide, "Launch templates": the tags of an instance that was launched from one.
TEMPLATE_TAG, VERSION_TAG = "aws:ec2launchtemplate:id", "aws:ec2launchtemplate:version"


@dataclass(frozen=True, slots=True)
class Origin:
    """What an instance was launched from, when, and how it is bought.

    `template` is "" where EC2 has not tagged it with one.
    """

    image: str
    template: str
    version: str
    launched_at: float
    purchase: Purchase


# EC2 API, CreateReplaceRootVolumeTask: an instance that runs can be given another image.
ORIGINS = Cache[str, Origin](max_age_s=3600.0)


def described_instances(ec2: EC2Client, instance_ids: Iterable[str]) -> Iterator[InstanceTypeDef]:
    """Yield what EC2 says of each of `instance_ids`, page by page. Instances that are gone are left out."""
    pages = ec2.get_paginator("describe_instances")
    for batch in batches(sorted(set(instance_ids)), IDS_A_FILTER):
        # A filter leaves out what is gone; with InstanceIds, the whole call would fail.
        for page in pages.paginate(Filters=[{"Name": "instance-id", "Values": batch}]):
            for reservation in page["Reservations"]:
                yield from reservation["Instances"]


def read_origins(runtime: Runtime, instance_ids: Iterable[str]) -> None:
    """Read the origins that are not known yet. An error leaves those known that were read before it."""
    for one in described_instances(runtime.ec2, (id_ for id_ in instance_ids if ORIGINS.get(runtime, id_) is None)):
        ORIGINS.keep(runtime, one["InstanceId"], _origin(one))


def known_origins(runtime: Runtime, instance_ids: Iterable[str]) -> Mapping[str, Origin]:
    """Return the origins that were read; instances that EC2 does not describe yet are left out."""
    return {id_: origin for id_ in instance_ids if (origin := ORIGINS.get(runtime, id_))}


def _origin(instance: InstanceTypeDef) -> Origin:
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    return Origin(
        instance.get("ImageId", ""),
        tags.get(TEMPLATE_TAG, ""),
        tags.get(VERSION_TAG, ""),
        instance["LaunchTime"].timestamp(),
        Purchase.SPOT if instance.get("InstanceLifecycle") == "spot" else Purchase.ON_DEMAND,
    )
