"""Healing: instances that never register, or whose agent is lost, are emptied if they can be, and terminated.

What ails many instances at once is not theirs: a broken AMI, or ECS itself. Terminating them helps only if what comes
in their place is well, and that is shown by an instance that registers after they fell ill. Until one does, a single
instance is tried at a time, ever more seldom; once one did, a share of the cluster at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from steady.cluster import ContainerInstance, InstanceStatus, Snapshot
from steady.scaling.reasons import AgentsLost, BootTimedOut, HealingHeldBack, Reason
from steady.scaling.state import UNTOUCHED, Healing, Memory
from steady.thresholds import Thresholds

# What ECS moves off an instance whose agent is lost has started elsewhere by then; what stays cannot be stopped.
EMPTY_WITHIN_S = 300
# How long the next try waits at most while none of the tries has brought an instance that registers.
LONGEST_BACK_OFF_S = 3600


@dataclass(frozen=True, slots=True)
class Round:
    """What healing does now. Drains are container instance ARNs, terminations instance ids.

    `given_up` are the ids of instances that will not register and wait for their turn: they promise no capacity.
    """

    to_drain: tuple[str, ...] = ()
    to_undrain: tuple[str, ...] = ()
    to_terminate: tuple[str, ...] = ()
    given_up: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    healing: Healing = UNTOUCHED


@dataclass(frozen=True, slots=True, order=True)
class _Ill:
    """An instance, and since when it has been ill; `arn` is empty if it never registered."""

    since: float
    instance_id: str
    arn: str = ""


def heal(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> Round:
    """The next round for the instances of the pool that are ill for longer than the thresholds allow.

    `memory` must be `observed` already.
    """
    now, healing = snapshot.at, memory.healing
    late, lost = _late(snapshot, memory, thresholds), _lost(snapshot, memory, thresholds)
    chosen = _whose_turn_it_is(sorted(late + lost), snapshot, healing, thresholds)
    in_healing = _in_healing(snapshot, memory)
    emptied = tuple(i.instance_id for i in in_healing if _is_over(i, now, healing))
    terminated = (*emptied, *(ill.instance_id for ill in chosen if not ill.arn))
    begun = {ill.arn: now for ill in chosen if ill.arn}
    return Round(
        to_drain=tuple(begun),
        to_undrain=tuple(i.arn for i in in_healing if i.agent_connected),
        to_terminate=terminated,
        given_up=tuple(i.instance_id for i in late if i not in chosen and healing.registered_at > i.since),
        reasons=_reasons(late, lost, chosen, thresholds, healing, now),
        healing=replace(
            healing,
            emptying={**healing.emptying, **begun},
            unanswered=(*healing.unanswered, *(now for _ in terminated)),
        ),
    )


def _late(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> list[_Ill]:
    """The pool's instances that have not registered within `boot_timeout_seconds`."""
    return [
        _Ill(since, id_)
        for id_, since in memory.booting_since.items()
        if snapshot.at - since >= thresholds.boot_timeout_seconds
    ]


def _lost(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> list[_Ill]:
    """The instances whose agent has been away for `disconnected_after_seconds`, less those that are on their way out.

    One that an operator drained is left to them.
    """
    lost_since = memory.healing.lost_since
    return [
        _Ill(lost_since[i.arn], i.instance_id, i.arn)
        for i in snapshot.instances
        if i.arn in lost_since
        and i.arn not in memory.healing.emptying
        and i.instance_id not in memory.doomed
        and (i.status is InstanceStatus.ACTIVE or i.arn in memory.draining)
        and snapshot.at - lost_since[i.arn] >= thresholds.disconnected_after_seconds
    ]


def _whose_turn_it_is(
    ill: Sequence[_Ill], snapshot: Snapshot, healing: Healing, thresholds: Thresholds
) -> Sequence[_Ill]:
    at_once = max(1, len(snapshot.pool.members) * thresholds.healing_share // 100)
    under_way = len(healing.unanswered) + len(healing.emptying)
    # Others came up since: these are ill by themselves.
    alone = [i for i in ill if healing.registered_at > i.since][: max(0, at_once - under_way)]
    if alone or healing.emptying or snapshot.at < _next_try_at(healing, thresholds):
        return alone
    return ill[:1]


def _next_try_at(healing: Healing, thresholds: Thresholds) -> float:
    """When an instance may be terminated though nothing has registered since the last one was."""
    if not healing.unanswered:
        return 0.0
    wait_s = float(thresholds.boot_timeout_seconds)
    # A try takes a boot timeout to fail: the waits double from there.
    for _ in healing.unanswered[1:]:
        wait_s = min(LONGEST_BACK_OFF_S, 2 * wait_s)
    return healing.unanswered[-1] + wait_s


def _in_healing(snapshot: Snapshot, memory: Memory) -> list[ContainerInstance]:
    """What healing drains, less what a notice has named since: that is the interruption handler's."""
    return [
        i
        for i in snapshot.instances
        if i.arn in memory.healing.emptying
        and i.instance_id not in memory.doomed
        and i.instance_id in snapshot.pool.members
    ]


def _is_over(instance: ContainerInstance, now: float, healing: Healing) -> bool:
    if instance.agent_connected:
        return False
    return instance.task_count == 0 or now - healing.emptying[instance.arn] >= EMPTY_WITHIN_S


def _reasons(
    late: Sequence[_Ill],
    lost: Sequence[_Ill],
    chosen: Sequence[_Ill],
    thresholds: Thresholds,
    healing: Healing,
    now: float,
) -> tuple[Reason, ...]:
    reasons: list[Reason] = []
    if late:
        terminated = sum(not ill.arn for ill in chosen)
        reasons.append(BootTimedOut(len(late), thresholds.boot_timeout_seconds, terminated))
    if lost:
        drained = sum(bool(ill.arn) for ill in chosen)
        reasons.append(AgentsLost(len(lost), thresholds.disconnected_after_seconds, drained))
    next_try_s = _next_try_at(healing, thresholds) - now
    if (late or lost) and not chosen and next_try_s > 0:
        reasons.append(HealingHeldBack(len(healing.unanswered), next_try_s))
    return tuple(reasons)
