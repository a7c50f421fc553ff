"""Where instances come from: the pool and the cluster that their tags name, or a Capacity Reservation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from steady.aws.capacity.ec2_instances import described_instances
from steady.aws.runtime import Runtime
from steady.names import CLUSTER_TAG
from steady.pools import PoolName


@dataclass(frozen=True, slots=True)
class Origin:
    """The pool that launched an instance (None: no pool), and the cluster that it was made for ("": not known)."""

    pool: PoolName | None = None
    cluster: str = ""


def origins_of(runtime: Runtime, instance_ids: Iterable[str]) -> dict[str, Origin]:
    """Return where each of `instance_ids` comes from, by its tags. Instances that are gone are left out."""
    found = {}
    for instance in described_instances(runtime.ec2_quick, instance_ids):
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
