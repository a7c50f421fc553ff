"""Instances that do not come up: launched by the pool, and never registered with ECS."""

from dataclasses import replace

from steady.cluster import Snapshot
from steady.memory import Memory
from steady.thresholds import Thresholds


def overdue(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> tuple[str, ...]:
    """The ids of the pool's instances that have not registered within `boot_timeout_seconds`."""
    return tuple(
        sorted(
            id_
            for id_, since in memory.booting_since.items()
            if id_ in snapshot.pool.members and snapshot.at - since >= thresholds.boot_timeout_seconds
        )
    )


def without(snapshot: Snapshot, instance_ids: tuple[str, ...], minimum: int) -> Snapshot:
    """`snapshot` as it is once `instance_ids` are terminated, and the target is lowered by them where it may be."""
    if not instance_ids:
        return snapshot
    pool = snapshot.pool
    members = {id_: type_ for id_, type_ in pool.members.items() if id_ not in instance_ids}
    target = min(pool.target, max(minimum, pool.target - pool.units(instance_ids)))
    return replace(snapshot, pool=replace(pool, members=members, target=target))
