"""Instances as EC2 describes them, by their ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from steady.aws.runtime import batches

if TYPE_CHECKING:
    from mypy_boto3_ec2.client import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

# EC2: how many values one filter of DescribeInstances takes.
IDS_A_FILTER = 200


def described_instances(ec2: EC2Client, instance_ids: Iterable[str]) -> Iterator[InstanceTypeDef]:
    """Yield what EC2 says of each of `instance_ids`, page by page. Instances that are gone are left out."""
    pages = ec2.get_paginator("describe_instances")
    for batch in batches(sorted(set(instance_ids)), IDS_A_FILTER):
        # A filter leaves out what is gone; with InstanceIds, the whole call would fail.
        for page in pages.paginate(Filters=[{"Name": "instance-id", "Values": batch}]):
            for reservation in page["Reservations"]:
                yield from reservation["Instances"]
