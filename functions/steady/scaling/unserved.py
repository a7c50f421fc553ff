"""Find the instances that wait under a lifecycle hook to be terminated, and that no service-out empties."""

from collections.abc import Iterable

from steady.cluster import ContainerInstance, InstanceStatus, Snapshot

# Under a hook, service-out looks at an instance at least once a minute. SQS delivers the message of a step that crashed
# again after 30 s, and its own retries take some more.
SILENT_AFTER_S = 150.0


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
