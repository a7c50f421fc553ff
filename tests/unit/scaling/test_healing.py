"""Healing, round by round: who is ill, whose turn it is, and what is never done."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from steady.cluster import ContainerInstance, Snapshot
from steady.scaling.decision import decide
from steady.scaling.healing import EMPTY_WITHIN_S, LONGEST_BACK_OFF_S, heal
from steady.scaling.pool_state import Healing
from steady.scaling.state import ScalingState, update_state
from steady.thresholds import Thresholds
from tests.unit.snapshots import NOW, instance, snapshot

THRESHOLDS = Thresholds(boot_timeout_seconds=600, disconnected_after_seconds=300, healing_share=10)


def away(number: int, *, tasks: int = 1, draining: bool = False) -> ContainerInstance:
    return replace(instance(number, tasks=tasks, draining=draining), agent_connected=False)


def with_booting(registered: int, booting: int) -> Snapshot:
    here = snapshot([instance(n) for n in range(registered)])
    members = {**here.pool.members, **{f"b-{n}": "m5.large" for n in range(booting)}}
    return replace(here, pool=replace(here.pool, members=members, target=len(members)))


def booting(count: int, for_s: float) -> dict[str, float]:
    return {f"b-{n}": NOW - for_s for n in range(count)}


def lost(*numbers: int, for_s: float = 400) -> dict[str, float]:
    return {f"arn-{n}": NOW - for_s for n in numbers}


def test_a_late_boot_is_terminated_only_after_its_timeout() -> None:
    early = heal(with_booting(5, 1), ScalingState(booting_since=booting(1, 599)), THRESHOLDS)
    late = heal(with_booting(5, 1), ScalingState(booting_since=booting(1, 600)), THRESHOLDS)

    assert early.change.to_terminate == ()
    assert late.change.to_terminate == ("b-0",)
    assert str(late.change.reasons[0]).startswith("1 instance not registered with ECS within 600 s: 1 terminated now")


def test_where_others_came_up_since_a_share_goes_at_once_and_the_rest_is_not_counted_on() -> None:
    state = ScalingState(booting_since=booting(5, 700), healing=Healing(registered_at=NOW - 100))

    round_ = heal(with_booting(15, 5), state, THRESHOLDS)

    assert round_.change.to_terminate == ("b-0", "b-1")
    assert round_.given_up == ("b-2", "b-3", "b-4")


def test_what_is_given_up_stays_in_the_target_until_its_turn_comes() -> None:
    state = ScalingState(booting_since=booting(5, 700), healing=Healing(registered_at=NOW - 100))

    decision = decide(with_booting(15, 5), state, replace(THRESHOLDS, cpu_reservation_low=0))

    assert (decision.target, decision.to_terminate) == (18, ("b-0", "b-1"))


def test_where_none_came_up_one_is_tried_and_the_others_still_count_as_coming() -> None:
    state = ScalingState(booting_since=booting(5, 700), healing=Healing(registered_at=NOW - 10_000))

    round_ = heal(with_booting(45, 5), state, THRESHOLDS)

    assert (round_.change.to_terminate, round_.given_up) == (("b-0",), ())


def test_each_try_that_nothing_answers_doubles_the_wait_up_to_an_hour() -> None:
    def waits(tries: int) -> float:
        state = ScalingState(booting_since=booting(1, 700), healing=Healing(unanswered=(NOW,) * tries))
        reason = heal(with_booting(5, 1), state, THRESHOLDS).change.reasons[-1]
        return float(reason.next_try_s)  # type: ignore[attr-defined]

    assert [waits(n) for n in range(1, 7)] == [600, 1200, 2400, 3600, 3600, 3600]
    assert waits(10_000) == LONGEST_BACK_OFF_S


def test_a_lost_agent_is_drained_first_and_terminated_once_empty_or_when_its_time_is_up() -> None:
    first = heal(snapshot([away(1), instance(2)]), ScalingState(healing=Healing(lost_since=lost(1))), THRESHOLDS)
    assert (first.change.to_drain, first.change.to_terminate) == (("arn-1",), ())
    assert first.change.state["healing"].emptying == {"arn-1": NOW}

    def later(tasks: int, for_s: float) -> tuple[str, ...]:
        healing = Healing(lost_since=lost(1), emptying={"arn-1": NOW - for_s})
        seen = snapshot([away(1, tasks=tasks, draining=True), instance(2)])
        return heal(seen, ScalingState(healing=healing), THRESHOLDS).change.to_terminate

    assert later(tasks=2, for_s=60) == ()
    assert later(tasks=0, for_s=60) == ("i-1",)
    assert later(tasks=2, for_s=EMPTY_WITHIN_S) == ("i-1",)


def test_an_agent_that_is_back_is_taken_back_until_it_takes_tasks() -> None:
    healing = Healing(emptying={"arn-1": NOW - 60})

    round_ = heal(snapshot([instance(1, draining=True)]), ScalingState(healing=healing), THRESHOLDS)

    assert (round_.change.to_undrain, round_.change.to_terminate) == (("arn-1",), ())


def test_what_a_notice_names_is_left_to_the_interruption_handler() -> None:
    state = ScalingState(doomed={"i-1": NOW, "i-2": NOW}, healing=Healing(lost(1, 2), {"arn-2": NOW - 900}))

    round_ = heal(snapshot([away(1), away(2, draining=True)]), state, THRESHOLDS)

    assert (round_.change.to_drain, round_.change.to_undrain, round_.change.to_terminate) == ((), (), ())


def test_an_instance_that_leaves_the_pool_by_itself_is_not_healed() -> None:
    seen = snapshot([away(1)])
    gone = replace(seen, pool=replace(seen.pool, members={}))
    healing = Healing(lost(1), {"arn-1": NOW - 900})

    assert heal(gone, ScalingState(healing=healing), THRESHOLDS).change.to_terminate == ()


@given(
    connected=st.integers(0, 30),
    lost_=st.integers(0, 30),
    late=st.integers(0, 30),
    share=st.integers(1, 100),
    registered_s=st.sampled_from([0, 10, 350, 650, 5000]),
    unanswered=st.lists(st.floats(0, 5000), max_size=5),
)
def test_no_round_takes_more_than_the_share(
    connected: int, lost_: int, late: int, share: int, registered_s: int, unanswered: list[float]
) -> None:
    here = [*(instance(n) for n in range(connected)), *(away(100 + n) for n in range(lost_))]
    seen = snapshot(here)
    members = {**seen.pool.members, **{f"b-{n}": "m5.large" for n in range(late)}}
    seen = replace(seen, pool=replace(seen.pool, members=members, target=len(members)))
    healing = Healing(
        lost(*(100 + n for n in range(lost_))), {}, NOW - registered_s, tuple(sorted(NOW - s for s in unanswered))
    )
    state = ScalingState(booting_since=booting(late, 700), healing=healing)

    round_ = heal(seen, state, replace(THRESHOLDS, healing_share=share))

    taken = len(round_.change.to_drain) + len(round_.change.to_terminate)
    assert taken <= max(1, len(members) * share // 100)
    # While nothing has registered since they fell ill, it is one at the most.
    if registered_s >= 5000:
        assert taken <= 1
    assert not set(round_.given_up) & set(round_.change.to_terminate)


def test_where_all_is_well_again_what_was_terminated_needs_no_answer() -> None:
    """In a calm cluster nothing is launched in its place: the next one that falls ill does not wait for that."""
    asked = ScalingState(healing=Healing(registered_at=NOW - 9000, unanswered=(NOW - 60,)))

    def unanswered(seen: Snapshot) -> tuple[float, ...]:
        return update_state(seen, asked, THRESHOLDS).healing.unanswered

    assert unanswered(snapshot([instance(1), instance(2)])) == ()
    # Not while one boots, is lost, or is still to be launched.
    assert unanswered(with_booting(2, 1)) == (NOW - 60,)
    assert unanswered(snapshot([instance(1), away(2)])) == (NOW - 60,)
    assert unanswered(snapshot([instance(1), instance(2)], target=3)) == (NOW - 60,)
