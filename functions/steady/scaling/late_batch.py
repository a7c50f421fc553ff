"""Batch tasks that still run on an old instance `renew_batch_seconds` after renewal began to empty it."""

from collections.abc import Mapping
from dataclasses import dataclass

from steady.cluster import ContainerInstance, InstanceStatus, Snapshot
from steady.scaling.change import Change
from steady.scaling.reasons import Reason, some_instances
from steady.scaling.state import ScalingState
from steady.thresholds import Thresholds

# Service-out stops a task so that it has ended by a time: a stop timeout of this many seconds is left for that.
ENDS_WITHIN_S = 120.0
# The tasks of so many of these instances are read at a look. Once they are stopped, the others have their turn.
READ_A_LOOK = 20


@dataclass(frozen=True, slots=True)
class BatchTasksAreLate(Reason):
    """Batch tasks have had `renew_batch_seconds` to end: service-out is asked to stop them."""

    instances: int
    after_s: int

    def __str__(self) -> str:
        return (
            f"{some_instances(self.instances)} to renew with batch tasks after {self.after_s:,} s "
            "(renew_batch_seconds): they are stopped"
        )


def instances_to_read(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> list[ContainerInstance]:
    """Return the instances whose tasks must be known: what still runs there may be late."""
    return [i for i in snapshot.instances if _is_due(i, snapshot, state, thresholds)][:READ_A_LOOK]


def late_batch_tasks(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> Mapping[str, float]:
    """Return by when the batch tasks are to have ended, in seconds since the epoch, by the ids of their instances.

    An instance with a task of a service is left out: ECS moves that, or cannot, as with a protected one.
    """
    return {
        i.instance_id: state.renewal.old[i.arn] + thresholds.renew_batch_seconds + ENDS_WITHIN_S
        for i in snapshot.instances
        if _is_due(i, snapshot, state, thresholds)
        and i.arn in snapshot.bound_since
        and i.arn not in snapshot.unread
        and i.arn not in snapshot.pinned
        and not snapshot.tasks_of.get(i.arn)
    }


def say_late(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> Change:
    """Say how many instances have batch tasks that are late."""
    late = late_batch_tasks(snapshot, state, thresholds)
    return Change(reasons=(BatchTasksAreLate(len(late), thresholds.renew_batch_seconds),)) if late else Change()


def _is_due(instance: ContainerInstance, snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> bool:
    since = state.renewal.old.get(instance.arn)
    return (
        bool(thresholds.renew_batch_seconds and instance.task_count)
        and instance.status is InstanceStatus.DRAINING
        and instance.instance_id not in state.doomed
        and since is not None
        and snapshot.at - since >= thresholds.renew_batch_seconds
    )
