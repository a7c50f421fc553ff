"""Find the instances that wait under a lifecycle hook to be terminated, and that no service-out empties."""

from collections.abc import Iterable

from steady.cluster import ContainerInstance, InstanceStatus, Snapshot

# Under a hook, service-out looks at an instance at least once a minute, and a step's lease ends 26 s after its begin. A
# hook of 300 s (steady.names.HOOK_HEARTBEAT_S) had its last heartbeat up to 100 s before the last step. So a tick must
# find an instance within 115 s of the end of the lease, and ticks are 60 s apart.
SILENT_AFTER_S = 50.0


def find_waiting(snapshot: Snapshot) -> list[ContainerInstance]:
    """Return the container instances that wait under a lifecycle hook."""
    return [i for i in snapshot.instances if i.instance_id in snapshot.pool.waiting]


def find_unserved(waiting: Iterable[ContainerInstance], at_work_until: float, now: float) -> list[ContainerInstance]:
    """Return those of `waiting` whose notice was lost, or whose service-out has ended before the instance was empty.

    Service-out drains an instance in its first step and marks it. So one that takes tasks, or that carries no mark, is
    not known to it.

    Args:
        at_work_until: until when the newest step of the cluster's service-out may take, in seconds since the epoch.
    """
    is_silent = now - at_work_until > SILENT_AFTER_S
    return [i for i in waiting if is_silent or i.status is not InstanceStatus.DRAINING or i.drain_mark is None]
