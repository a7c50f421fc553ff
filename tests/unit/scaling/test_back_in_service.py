"""What service-out drained: who takes tasks again, who is replaced, and who is left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steady.cluster import ContainerInstance, Snapshot
from steady.drain_mark import DrainMark, DrainReason
from steady.scaling.back_in_service import FORGOTTEN_AFTER_S, STILL_THERE_AFTER_S, WHY, review
from steady.scaling.change import Change
from steady.scaling.decision import decide, grow_only
from steady.scaling.pool_state import Healing
from steady.scaling.state import LEAVES_WITHIN_S, ScalingState, update_state
from steady.thresholds import Thresholds
from tests.unit.snapshots import NOW, instance, snapshot

PASSES = (DrainReason.REBALANCE, DrainReason.MAINTENANCE, DrainReason.STOP)
THRESHOLDS = Thresholds(cpu_reservation_low=0)


def marked(
    reason: DrainReason, *, until_s: float = 0, since_s: float = -7200, over: bool = False, tasks: int = 0
) -> ContainerInstance:
    """A draining instance; times are in seconds from now."""
    mark = DrainMark(reason, int(NOW + until_s), int(NOW + since_s), over)
    return replace(instance(1, tasks=tasks, draining=True), drain_mark=mark)


def away(one: ContainerInstance) -> ContainerInstance:
    return replace(one, agent_connected=False)


def reviewed(one: ContainerInstance, state: ScalingState | None = None) -> Change:
    return review(snapshot([one, instance(2)]), state or ScalingState())


def is_back(one: ContainerInstance, state: ScalingState | None = None) -> bool:
    return bool(reviewed(one, state).to_undrain)


@pytest.mark.parametrize("reason", PASSES)
def test_an_instance_that_is_still_there_a_while_after_its_end_takes_tasks_again(reason: DrainReason) -> None:
    assert not is_back(marked(reason, until_s=1 - STILL_THERE_AFTER_S))
    assert is_back(marked(reason, until_s=-STILL_THERE_AFTER_S))
    assert not is_back(away(marked(reason, until_s=-STILL_THERE_AFTER_S))), "it is stopped"


@pytest.mark.parametrize("reason", DrainReason)
def test_an_instance_whose_reason_has_passed_takes_tasks_again_at_once_and_the_decision_says_why(
    reason: DrainReason,
) -> None:
    change = reviewed(away(marked(reason, until_s=-1, over=True)))

    assert change.to_undrain == ("arn-1",)
    assert str(change.reasons[0]) == f"1 instance drained by service-out ACTIVE again: {WHY[reason]}"


def test_an_instance_that_a_person_drained_waits_for_that_person() -> None:
    assert not is_back(marked(DrainReason.OPERATOR, until_s=-(10**6)))


def test_an_instance_without_a_mark_is_left_to_whoever_drained_it() -> None:
    assert reviewed(instance(1, draining=True)) == Change()


def test_an_instance_that_waited_under_a_hook_is_back_once_its_group_counts_it_again() -> None:
    hooked = marked(DrainReason.HOOK, since_s=-LEAVES_WITHIN_S)
    seen = snapshot([hooked, instance(2)])
    waiting = replace(seen, pool=replace(seen.pool, members={"i-2": "m5.large"}))

    assert is_back(hooked)
    assert not is_back(marked(DrainReason.HOOK, since_s=-60)), "the group may not have said yet that it waits"
    assert not is_back(away(hooked))
    assert review(waiting, ScalingState()).to_undrain == ()


def test_an_instance_that_is_to_be_retired_is_terminated_once_it_is_empty_and_the_target_follows() -> None:
    empty, busy = marked(DrainReason.RETIREMENT, until_s=86_400), marked(DrainReason.RETIREMENT, tasks=1)
    seen = snapshot([empty, instance(2, tasks=1), instance(3, tasks=1)])
    elsewhere = replace(seen, pool=replace(seen.pool, members={"i-2": "m5.large", "i-3": "m5.large"}))

    assert reviewed(empty).to_terminate == ("i-1",)
    assert reviewed(busy) == Change()
    assert review(elsewhere, ScalingState()).to_terminate == ()
    decision = decide(seen, ScalingState(), THRESHOLDS)
    assert (decision.target, decision.to_terminate) == (2, ("i-1",))
    assert [str(r) for r in decision.reasons] == ["1 instance that EC2 retires now empty: terminated, to be replaced"]


def test_an_instance_that_is_retired_after_its_replacement_was_launched_leaves_the_target_as_it_is() -> None:
    retired = marked(DrainReason.RETIREMENT, until_s=86_400)
    seen = snapshot([retired, instance(2, tasks=1), instance(3, tasks=1)], target=2)

    decision = decide(seen, ScalingState(), THRESHOLDS)

    assert (decision.target, decision.to_terminate) == (2, ("i-1",))


@pytest.mark.parametrize(
    "state",
    [
        ScalingState(doomed={"i-1": NOW}),
        ScalingState(draining={"arn-1": "i-1"}),
        ScalingState(healing=Healing(emptying={"arn-1": NOW})),
    ],
    ids=["a notice", "scale-in", "healing"],
)
def test_an_instance_that_somebody_else_deals_with_is_left_to_them(state: ScalingState) -> None:
    assert not is_back(marked(DrainReason.REBALANCE, until_s=-7200), state)
    assert reviewed(marked(DrainReason.RETIREMENT), state).to_terminate == ()


def test_an_instance_that_scale_in_had_chosen_when_its_notice_came_goes_all_the_same() -> None:
    """It carries no mark, since it was draining already: it must neither stay for ever nor be taken back."""
    named = instance(1, draining=True)
    seen = snapshot([named, instance(2, tasks=1)])
    during = update_state(seen, ScalingState(draining={"arn-1": "i-1"}, doomed={"i-1": NOW - 60}), THRESHOLDS)
    assert decide(seen, during, THRESHOLDS).to_terminate == ()

    after = update_state(replace(seen, at=NOW + 600), during, THRESHOLDS)
    assert (after.draining, after.interrupted) == ({}, {"arn-1": "i-1"})
    decision = decide(replace(seen, at=NOW + 600), after, THRESHOLDS)
    assert (decision.to_terminate, decision.to_undrain, decision.target) == (("i-1",), (), 1)


def test_what_its_group_has_taken_over_is_scale_ins_no_more() -> None:
    hooked = marked(DrainReason.HOOK)

    assert update_state(snapshot([hooked]), ScalingState(draining={"arn-1": "i-1"}), THRESHOLDS).draining == {}


def test_an_instance_that_has_just_come_back_is_not_chosen_for_scale_in() -> None:
    low = ScalingState(low_since=NOW - 3600)
    thresholds = replace(THRESHOLDS, cpu_reservation_low=60, scale_in_after_seconds=60)

    def drained(one: ContainerInstance) -> tuple[str, ...]:
        return decide(snapshot([one, replace(instance(2), drain_mark=one.drain_mark)]), low, thresholds).to_drain

    assert drained(instance(1)) != ()
    assert drained(replace(instance(1), drain_mark=marked(DrainReason.STOP).drain_mark)) == ()


def test_an_end_counts_against_the_notice_before_it_and_not_against_the_next_one() -> None:
    over = marked(DrainReason.MAINTENANCE, until_s=-30, over=True)

    def doomed(for_s: float) -> dict[str, float]:
        state = ScalingState(doomed={"i-1": NOW - for_s})
        return dict(update_state(snapshot([over]), state, THRESHOLDS).doomed)

    assert doomed(for_s=60) == {}
    assert doomed(for_s=10) == {"i-1": NOW - 10}


def test_a_mark_is_deleted_once_the_instance_is_active_and_every_step_has_seen_it() -> None:
    def forgotten(since_s: float, *, draining: bool = False) -> bool:
        one = marked(DrainReason.STOP, until_s=-1, since_s=since_s, over=True)
        return bool(reviewed(one if draining else replace(one, status=instance(1).status)).to_forget)

    assert not forgotten(1 - FORGOTTEN_AFTER_S)
    assert forgotten(-FORGOTTEN_AFTER_S)
    assert not forgotten(-FORGOTTEN_AFTER_S, draining=True)


def test_without_the_ledger_instances_are_taken_back_and_none_is_terminated() -> None:
    def decided(one: ContainerInstance) -> tuple[tuple[str, ...], tuple[str, ...]]:
        seen: Snapshot = snapshot([one, instance(2)])
        decision = grow_only(decide(seen, ScalingState(), THRESHOLDS), seen)
        return decision.to_undrain, decision.to_terminate

    assert decided(marked(DrainReason.STOP, until_s=-1, over=True)) == (("arn-1",), ())
    assert decided(marked(DrainReason.RETIREMENT)) == ((), ())
