"""What service-out has drained and what stays after all: taken back into service, or replaced where it must go.

Each instance that service-out drains carries a drain mark (`steady.drain_mark`). The mark says what has to pass. An
instance without a mark was drained by somebody else, and is left to them.
"""

from steady.cluster import ContainerInstance, InstanceStatus, Snapshot
from steady.drain_mark import DrainMark, DrainReason
from steady.scaling.change import Change
from steady.scaling.reasons import BackInService, Reason, Retired
from steady.scaling.state import LEAVES_WITHIN_S, ScalingState
from steady.scaling.terminations import held_back

# ECS Developer Guide, "Container agent": the agent of a stopped instance counts as disconnected "within a few minutes".
# An agent that is connected this long after the time at which its instance was to end says that it did not end.
STILL_THERE_AFTER_S = 300
# By then every step of a service-out has looked at the instance once (SQS: a message is delayed by 900 s at most).
# A step that finds neither the instance DRAINING nor a mark that is over would drain it again.
FORGOTTEN_AFTER_S = 1000


def review(snapshot: Snapshot, state: ScalingState) -> Change:
    """Choose which instances take tasks again, which are terminated, and whose mark is deleted.

    Args:
        state: what is remembered of the cluster, as `update_state` returns it for this snapshot.
    """
    ours = [(i, i.drain_mark) for i in snapshot.instances if i.drain_mark and _is_free(i, i.drain_mark, state)]
    draining = [(i, mark) for i, mark in ours if i.status is InstanceStatus.DRAINING]
    back = [(i, mark) for i, mark in draining if _is_back(i, mark, snapshot)]
    held = held_back(state.refusals, snapshot.at)
    staying = [(i, mark) for i, mark in draining if (i, mark) not in back and i.instance_id not in held]
    retired = [i for i, mark in staying if _is_retired(i, mark, snapshot)]
    return Change(
        to_undrain=tuple(i.arn for i, _ in back),
        to_terminate=tuple(i.instance_id for i in retired),
        to_forget=tuple(i.arn for i, mark in ours if _is_forgotten(i, mark, snapshot.at)),
        reasons=_reasons([mark for _, mark in back], len(retired)),
    )


def _is_free(instance: ContainerInstance, mark: DrainMark, state: ScalingState) -> bool:
    """Whether nobody else deals with the instance: a notice of a moment ago, scale-in, healing."""
    if instance.arn in state.draining or instance.arn in state.healing.emptying:
        return False
    return mark.is_over or instance.instance_id not in state.doomed


def _is_back(instance: ContainerInstance, mark: DrainMark, snapshot: Snapshot) -> bool:
    if mark.reason is DrainReason.HOOK:
        # The group counts it again: it has left the warm pool. One whose root volume is replaced still counts.
        came_back = instance.agent_connected and snapshot.at - mark.since >= LEAVES_WITHIN_S
        counts = instance.instance_id in snapshot.pool.members.keys() - snapshot.pool.replacing
        return counts and (mark.is_over or came_back)
    if mark.is_over:
        return True
    passes = mark.reason in (DrainReason.REBALANCE, DrainReason.MAINTENANCE, DrainReason.STOP)
    return passes and instance.agent_connected and snapshot.at - mark.until >= STILL_THERE_AFTER_S


def _is_retired(instance: ContainerInstance, mark: DrainMark, snapshot: Snapshot) -> bool:
    if mark.reason is not DrainReason.RETIREMENT or instance.instance_id not in snapshot.pool.members:
        return False
    return instance.task_count == 0


def _is_forgotten(instance: ContainerInstance, mark: DrainMark, now: float) -> bool:
    return instance.status is InstanceStatus.ACTIVE and now - mark.since >= FORGOTTEN_AFTER_S


# What has passed; each goes with "1 instance" and with "2 instances".
WHY = {
    DrainReason.REBALANCE: "nothing happened by the deadline of the rebalance recommendation",
    DrainReason.MAINTENANCE: "the maintenance is over",
    DrainReason.STOP: "stopped by EC2, and running again",
    DrainReason.HOOK: "back in the group from its warm pool",
    DrainReason.RETIREMENT: "the retirement is over or called off",
    DrainReason.OPERATOR: "a person has cancelled the drain",
}


def _reasons(back: list[DrainMark], retired: int) -> tuple[Reason, ...]:
    reasons: list[Reason] = []
    for reason in DrainReason:
        if count := sum(mark.reason is reason for mark in back):
            reasons.append(BackInService(count, WHY[reason]))
    return (*reasons, Retired(retired)) if retired else tuple(reasons)
