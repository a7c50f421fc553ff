"""Scale-in: late, a few at a time, and never what running tasks need."""

from dataclasses import replace

from steady.cluster import Size, TaskShape
from steady.pools import PoolKind
from steady.scaling.decision import decide
from steady.scaling.scale_in import candidates
from steady.scaling.state import update_state
from steady.thresholds import Thresholds
from tests.unit.snapshots import NOW, demand, instance, snapshot, state

THRESHOLDS = Thresholds(scale_in_after_seconds=300, scale_in_share=50)
SMALL = Size(256, 500)


def test_nothing_is_emptied_before_reservation_has_been_low_for_long_enough() -> None:
    idle = snapshot([instance(n) for n in range(4)])

    assert decide(idle, state(low_since=NOW - 299), THRESHOLDS).to_drain == ()
    assert len(decide(idle, state(low_since=NOW - 300), THRESHOLDS).to_drain) == 2


def test_the_count_starts_when_reservation_is_first_low() -> None:
    assert decide(snapshot([instance(0)]), state(), THRESHOLDS).state.low_since == NOW


def test_the_instances_that_cost_least_to_empty_go_first() -> None:
    world = snapshot([instance(0, SMALL, tasks=3), instance(1, SMALL, tasks=1), instance(2), instance(3, SMALL)])

    decision = decide(world, state(low_since=NOW - 300), Thresholds(scale_in_after_seconds=300, scale_in_share=25))

    assert decision.to_drain == ("arn-2",)


def test_an_instance_whose_tasks_fit_nowhere_else_stays() -> None:
    # Low on average, but each of the two tasks needs more than what is left beside the other.
    large = TaskShape(Size(1100, 1000))
    world = snapshot(
        [instance(0, large.size), instance(1, large.size)], tasks_of={"arn-0": (large,), "arn-1": (large,)}
    )

    assert decide(world, state(low_since=NOW - 900), THRESHOLDS).to_drain == ()


def test_the_minimum_is_kept() -> None:
    world = snapshot([instance(n) for n in range(3)], minimum=3)

    assert decide(world, state(low_since=NOW - 900), THRESHOLDS).to_drain == ()


def test_at_the_minimum_nobody_reads_what_runs_on_instances_that_stay_anyway() -> None:
    world = snapshot([instance(n) for n in range(3)])

    assert len(candidates(world, NOW - 900, THRESHOLDS, minimum=2)) == 3
    assert candidates(world, NOW - 900, THRESHOLDS, minimum=3) == []


def test_nothing_is_emptied_while_a_want_is_open() -> None:
    world = snapshot([instance(n) for n in range(3)])

    decision = decide(world, state(demand("a"), low_since=NOW - 900), THRESHOLDS)

    assert decision.to_drain == ()
    assert decision.state.low_since is None


def test_a_chosen_instance_is_terminated_once_it_is_empty_and_the_target_goes_down_with_it() -> None:
    busy, empty = instance(1, SMALL, draining=True), instance(2, draining=True)
    world = snapshot([instance(0, Size(1500, 5500)), busy, empty])

    decision = decide(world, state(draining={busy.arn: "i-1", empty.arn: "i-2"}), THRESHOLDS)

    assert decision.to_terminate == ("i-2",)
    assert decision.target == 2


def test_a_crash_after_the_target_was_lowered_does_not_lower_it_twice() -> None:
    empty = instance(1, draining=True)
    world = snapshot([instance(0, Size(1500, 5500)), empty], target=1)

    decision = decide(world, state(draining={empty.arn: "i-1"}), THRESHOLDS)

    assert decision.to_terminate == ("i-1",)
    assert decision.target == 1


def test_an_instance_that_is_gone_is_forgotten() -> None:
    world = snapshot([instance(0)])

    assert update_state(world, state(draining={"arn-9": "i-9"}), THRESHOLDS).draining == {}


def test_a_group_and_a_fleet_are_decided_alike() -> None:
    decisions = {
        decide(snapshot([instance(n) for n in range(4)], kind=kind), state(low_since=NOW - 300), THRESHOLDS).to_drain
        for kind in PoolKind
    }

    assert len(decisions) == 1


def test_the_instance_whose_batch_tasks_are_youngest_goes_first() -> None:
    # One task each, but one of them has run for a day, and is likely to run on.
    old, young, none = instance(0, SMALL), instance(1, SMALL), instance(2, Size(512, 1000), tasks=4)
    world = replace(snapshot([old, young, none]), bound_since={old.arn: NOW - 86_400, young.arn: NOW - 60})
    one_at_a_time = Thresholds(scale_in_share=1)

    assert decide(world, state(low_since=NOW - 900), one_at_a_time).to_drain == ("arn-2",)
    busy = replace(world, bound_since={**world.bound_since, none.arn: NOW - 3600})
    assert decide(busy, state(low_since=NOW - 900), one_at_a_time).to_drain == ("arn-1",)


def test_what_a_notice_names_is_not_taken_back_whatever_scale_in_wanted_of_it() -> None:
    full, chosen = instance(0, Size(2048, 8000)), instance(1, SMALL, draining=True)
    world = snapshot([full, chosen])
    remembered = state(demand("a", Size(1024, 1000)), draining={chosen.arn: chosen.instance_id})

    assert decide(world, update_state(world, remembered, THRESHOLDS), THRESHOLDS).to_undrain == (chosen.arn,)
    noticed = replace(remembered, doomed={chosen.instance_id: NOW - 20})
    decision = decide(world, update_state(world, noticed, THRESHOLDS), THRESHOLDS)
    assert decision.to_undrain == ()
    assert decision.target > 2, "and its replacement is asked for"


def test_what_a_notice_names_is_drained_again_if_a_decision_crossed_with_it() -> None:
    world = snapshot([instance(0, Size(2048, 8000)), instance(1)])

    decision = decide(world, update_state(world, state(doomed={"i-1": NOW - 1}), THRESHOLDS), THRESHOLDS)

    assert decision.to_drain == ("arn-1",)
    late = update_state(world, state(doomed={"i-1": NOW - 181}), THRESHOLDS)
    assert decide(world, late, THRESHOLDS).to_drain == ()
