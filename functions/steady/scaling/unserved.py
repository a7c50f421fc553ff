"""Find the instances that wait under a lifecycle hook to be terminated, and that no service-out empties."""

from collections.abc import Iterable, Mapping

from steady.cluster import ContainerInstance, InstanceStatus, Snapshot

# Under a hook, service-out looks at an instance at least once a minute, and a step's lease ends 26 s after its begin. A
# hook of 300 s (steady.names.HOOK_HEARTBEAT_S) had its last heartbeat up to 100 s before the last step. So a tick must
# find an instance within 115 s of the end of the lease, and ticks are 60 s apart.
SILENT_AFTER_S = 50.0
# EC2: a Spot instance is interrupted two minutes after its notice.
INTERRUPTED_AFTER_S = 120.0


def find_waiting(snapshot: Snapshot) -> list[ContainerInstance]:
    """Return the container instances that wait under a lifecycle hook."""
    return [i for i in snapshot.instances if i.instance_id in snapshot.pool.waiting]


def find_unserved(
    waiting: Iterable[ContainerInstance], noticed: Mapping[str, float], at_work_until: float, now: float
) -> list[ContainerInstance]:
    """Return those of `waiting` whose notice was lost, or whose service-out has ended before the instance was empty.

    Service-out drains an instance in its first step, and marks it. So one that takes tasks, or that carries no mark, is
    not known to it. One that EC2 takes back carries none perhaps, and its service-out is done once its tasks are
    stopping: its hook holds it no longer.

    Args:
        noticed: when a notice named an instance, in seconds since the epoch, by its id.
        at_work_until: until when the newest step of the cluster's service-out may take, in seconds since the epoch; 0:
            it is done.
    """

    def is_served(instance: ContainerInstance) -> bool:
        noticed_at = noticed.get(instance.instance_id)
        if instance.status is not InstanceStatus.DRAINING or (noticed_at is None and instance.drain_mark is None):
            return False
        until = at_work_until or (noticed_at or 0) + INTERRUPTED_AFTER_S
        return now - until <= SILENT_AFTER_S

    return [instance for instance in waiting if not is_served(instance)]
