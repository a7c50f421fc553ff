"""Healing: replace the instances that never register, whose ECS agent is lost, or that ECS calls IMPAIRED.

When many instances fail at once, they are not the cause: the AMI is broken, or ECS is. Terminating them helps only if
the instances launched in their place are well, and an instance that registers after the failures began proves that.
Until one does, a single instance is terminated at a time, at growing intervals. Once one did, a share of the cluster
(`healing_share`) is healed at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from steady.cluster import ContainerInstance, InstanceStatus, Snapshot
from steady.scaling.change import Change
from steady.scaling.pool_state import Healing
from steady.scaling.reasons import AgentsLost, BootTimedOut, HealingHeldBack, Reason
from steady.scaling.state import ScalingState
from steady.scaling.terminations import held_back
from steady.thresholds import Thresholds

# By then ECS has started the service tasks elsewhere; what is left on an instance without an agent cannot be stopped.
EMPTY_WITHIN_S = 300
# The longest interval between two tries while no try has brought an instance that registers.
LONGEST_BACK_OFF_S = 3600


@dataclass(frozen=True, slots=True)
class HealingRound:
    """The next step of healing.

    Attributes:
        given_up: the ids of instances that will not register and wait for their turn. They promise no capacity, but
            stay in the pool's target, which `change.units` adds.
    """

    change: Change
    given_up: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class _Ill:
    """An instance, and since when it has been ill; `arn` is empty if it never registered."""

    since: float
    instance_id: str
    arn: str = ""


def heal(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> HealingRound:
    """Choose which of the pool's ill instances to drain, to take back and to terminate now.

    Args:
        state: what is remembered of the cluster, as `update_state` returns it for this snapshot.
    """
    now, pool, healing = snapshot.at, snapshot.pool, state.healing
    late, lost = _late(snapshot, state, thresholds), _lost(snapshot, state, thresholds)
    in_healing, held = _in_healing(snapshot, state), held_back(state.refusals, now)
    ill = [one for one in sorted(late + lost) if one.instance_id not in held]
    # One that AWS refuses to terminate is nobody else's turn.
    emptying = len(healing.emptying) - sum(i.instance_id in held for i in in_healing)
    chosen = _whose_turn_it_is(ill, emptying, snapshot, healing, thresholds)
    emptied = tuple(i.instance_id for i in in_healing if _is_over(i, now, healing) and i.instance_id not in held)
    terminated = (*emptied, *(ill.instance_id for ill in chosen if not ill.arn))
    begun = {ill.arn: now for ill in chosen if ill.arn}
    given_up = tuple(
        i.instance_id for i in late if i.instance_id in held or (i not in chosen and healing.registered_at > i.since)
    )
    remembered = replace(
        healing,
        emptying={**healing.emptying, **begun},
        unanswered=(*healing.unanswered, *(now for _ in terminated)),
    )
    change = Change(
        units=pool.units(given_up),
        on_demand=pool.units(pool.on_demand_members.intersection(given_up)),
        to_drain=tuple(begun),
        to_undrain=tuple(i.arn for i in in_healing if i.is_well),
        to_terminate=terminated,
        reasons=_reasons(late, lost, chosen, thresholds, healing, now),
        state={"healing": remembered},
    )
    return HealingRound(change, given_up)


def _late(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> list[_Ill]:
    """Return the pool's instances that have not registered within `boot_timeout_seconds`."""
    return [
        _Ill(since, id_)
        for id_, since in state.booting_since.items()
        if snapshot.at - since >= thresholds.boot_timeout_seconds
    ]


def _lost(snapshot: Snapshot, state: ScalingState, thresholds: Thresholds) -> list[_Ill]:
    """Return the instances that have not been well for `disconnected_after_seconds`: agent disconnected, or IMPAIRED.

    Those that are leaving are not among them, nor those that an operator drained.
    """
    lost_since = state.healing.lost_since
    return [
        _Ill(lost_since[i.arn], i.instance_id, i.arn)
        for i in snapshot.instances
        if i.arn in lost_since
        and i.arn not in state.healing.emptying
        and i.instance_id not in state.doomed
        and (i.status is InstanceStatus.ACTIVE or i.arn in state.draining)
        and snapshot.at - lost_since[i.arn] >= thresholds.disconnected_after_seconds
    ]


def _whose_turn_it_is(
    ill: Sequence[_Ill], emptying: int, snapshot: Snapshot, healing: Healing, thresholds: Thresholds
) -> Sequence[_Ill]:
    at_once = max(1, len(snapshot.pool.members) * thresholds.healing_share // 100)
    under_way = len(healing.unanswered) + emptying
    # Other instances have registered since these fell ill: the cause is in these.
    alone = [i for i in ill if healing.registered_at > i.since][: max(0, at_once - under_way)]
    if alone or emptying or snapshot.at < _next_try_at(healing, thresholds):
        return alone
    return ill[:1]


def _next_try_at(healing: Healing, thresholds: Thresholds) -> float:
    """Return when an instance may be terminated although none has registered since the last termination."""
    if not healing.unanswered:
        return 0.0
    wait_s = float(thresholds.boot_timeout_seconds)
    # A try takes one boot timeout to fail: from there on each interval is twice the one before it.
    for _ in healing.unanswered[1:]:
        wait_s = min(LONGEST_BACK_OFF_S, 2 * wait_s)
    return healing.unanswered[-1] + wait_s


def _in_healing(snapshot: Snapshot, state: ScalingState) -> list[ContainerInstance]:
    """Return the instances that healing drains. One that a notice has named since is the interruption handler's."""
    return [
        i
        for i in snapshot.instances
        if i.arn in state.healing.emptying
        and i.instance_id not in state.doomed
        and i.instance_id in snapshot.pool.members
    ]


def _is_over(instance: ContainerInstance, now: float, healing: Healing) -> bool:
    if instance.is_well:
        return False
    # The tasks of an impaired instance still run: they are moved, or end by themselves.
    return instance.task_count == 0 or (
        not instance.agent_connected and now - healing.emptying[instance.arn] >= EMPTY_WITHIN_S
    )


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
