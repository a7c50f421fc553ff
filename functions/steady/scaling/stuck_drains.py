"""Drains that do not end: instances that scale-in leaves alone, and those that it takes back.

ECS API, UpdateContainerInstancesState: where the minimum healthy percent forbids to stop a task, and the maximum
percent to start another one, ECS can do neither while the instance drains. It stops no protected task either. An
instance with such a task is not chosen. A drain may also never end for a cause that nobody sees before, such as a
replacement that does not become healthy: such an instance is taken back.
"""

from dataclasses import dataclass, replace

from steady.cluster import ContainerInstance, InstanceStatus, Snapshot
from steady.scaling.change import Change
from steady.scaling.reasons import Reason, some_instances
from steady.scaling.state import ScalingState

# A drained instance with a service's tasks after this long is taken back. ECS waits for a replacement to be healthy,
# which takes minutes. A task that ECS has told to stop does not count, however long its targets take to leave.
ENDS_WITHIN_S = 1800.0
# Such an instance is not chosen again for so long.
NOT_AGAIN_FOR_S = 6 * 3600.0
# An instance with a task that ECS cannot move is looked at again after this long: protection ends, services change.
PINNED_FOR_S = 900.0
# How many instances that have drained for too long are read at a look. The others have their turn at the next one.
READ_A_LOOK = 10


@dataclass(frozen=True, slots=True)
class DrainDoesNotEnd(Reason):
    """Instances that scale-in has chosen still have tasks of services: they are set ACTIVE again."""

    instances: int
    one: str

    def __str__(self) -> str:
        return (
            f"{some_instances(self.instances)} that scale-in had chosen, such as {self.one}, still with tasks of "
            f"services after {ENDS_WITHIN_S / 60:.0f} min: ACTIVE again, and not chosen for "
            f"{NOT_AGAIN_FOR_S / 3600:.0f} h (look at the events of these services: ECS does not move their tasks)"
        )


@dataclass(frozen=True, slots=True)
class TasksCannotMove(Reason):
    """Instances that scale-in does not choose, because ECS cannot move a task of theirs."""

    instances: int
    one: str

    def __str__(self) -> str:
        return (
            f"{some_instances(self.instances)}, such as {self.one}, not chosen for scale-in for "
            f"{PINNED_FOR_S / 60:.0f} min: ECS can move a task there neither before nor after it starts another one "
            "(the task is protected, or its service has a minimum healthy percent and a maximum percent of 100)"
        )


def with_spared(snapshot: Snapshot, state: ScalingState) -> Snapshot:
    """Return `snapshot` with the instances that scale-in has found to be stuck, and leaves alone for some time."""
    spared = {arn for arn, until in state.spared_until.items() if snapshot.at < until}
    return replace(snapshot, pinned=snapshot.pinned | spared) if spared else snapshot


def instances_to_read(snapshot: Snapshot, state: ScalingState) -> list[ContainerInstance]:
    """Return those of the instances that scale-in has drained for too long whose tasks are read now."""
    late = _late(snapshot, state)
    begin = int(snapshot.at // 60) * READ_A_LOOK % max(1, len(late))
    return [*late[begin:], *late[:begin]][:READ_A_LOOK]


def spare(snapshot: Snapshot, state: ScalingState, taken_back: tuple[str, ...]) -> Change:
    """Take back the instances whose drain does not end, and remember which instances scale-in leaves alone.

    A batch task does not count: nobody moves it, and it ends by itself.

    Args:
        taken_back: the ARNs of the instances that this decision takes back already.
    """
    now = snapshot.at
    # The tasks of an instance that was not read are not known.
    stuck = [i for i in _late(snapshot, state) if snapshot.tasks_of.get(i.arn) or i.arn in snapshot.pinned]
    stuck = [i for i in stuck if i.arn not in taken_back]
    pinned = [i for i in snapshot.active if i.arn in snapshot.pinned and i.arn not in state.spared_until]
    reasons: list[Reason] = []
    if stuck:
        reasons.append(DrainDoesNotEnd(len(stuck), stuck[0].instance_id))
    if pinned:
        reasons.append(TasksCannotMove(len(pinned), pinned[0].instance_id))
    spared = {**state.spared_until, **{i.arn: now + PINNED_FOR_S for i in pinned}}
    return Change(
        to_undrain=tuple(i.arn for i in stuck),
        reasons=tuple(reasons),
        state={"spared_until": {**spared, **{i.arn: now + NOT_AGAIN_FOR_S for i in stuck}}},
    )


def _late(snapshot: Snapshot, state: ScalingState) -> list[ContainerInstance]:
    begun = {arn: state.chosen_at.get(arn, snapshot.at) for arn in state.draining}
    return [
        i
        for i in snapshot.instances
        if i.status is InstanceStatus.DRAINING
        and i.task_count
        and snapshot.at - begun.get(i.arn, snapshot.at) >= ENDS_WITHIN_S
    ]
