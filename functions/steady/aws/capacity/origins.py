"""Where instances come from: the pool and the cluster that their tags name, or a Capacity Reservation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from steady.aws.runtime import Runtime, batches
from steady.names import CLUSTER_TAG
from steady.pools import PoolName

# EC2: how many values one filter of DescribeInstances takes.
IDS_A_FILTER = 200


@dataclass(frozen=True, slots=True)
class Origin:
    """The pool that launched an instance (None: no pool), and the cluster that it was made for ("": not known)."""

    pool: PoolName | None = None
    cluster: str = ""


def origins_of(runtime: Runtime, instance_ids: Iterable[str]) -> dict[str, Origin]:
    """Return where each of `instance_ids` comes from, by its tags. Instances that are gone are left out."""
    found = {}
    for batch in batches(sorted(set(instance_ids)), IDS_A_FILTER):
        # A filter leaves out what is gone; with InstanceIds, the whole call would fail.
        pages = runtime.ec2_quick.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-id", "Values": batch}]
        )
        for page in pages:
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    tags = {t["Key"]: t["Value"] for t in instance.get("Tags", [])}
                    found[instance["InstanceId"]] = Origin(PoolName.in_tags(tags), tags.get(CLUSTER_TAG, ""))
    return found


def instances_in_reservation(runtime: Runtime, reservation_id: str) -> list[str]:
    """Return the ids of the instances that run in a Capacity Reservation."""
    pages = runtime.ec2.get_paginator("describe_instances").paginate(
        Filters=[
            {"Name": "capacity-reservation-id", "Values": [reservation_id]},
            {"Name": "instance-state-name", "Values": ["pending", "running"]},
        ]
    )
    return [i["InstanceId"] for page in pages for reservation in page["Reservations"] for i in reservation["Instances"]]
