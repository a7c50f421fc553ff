"""Scale-out: only what does not fit asks for instances, and for as few as hold it."""

import pytest

from steady.cluster import Size
from steady.pools import PoolKind
from steady.scaling.decision import decide
from steady.scaling.observations import ReservationHigh
from steady.scaling.reasons import AtMaximum, DriftIsNotCapacity, FitsNoInstance, TakenBack, WantsDoNotFit
from steady.scaling.state import ScalingState, update_state
from steady.thresholds import Thresholds
from tests.unit.snapshots import NOW, demand, instance, service, snapshot, state

FULL = Size(2048, 8000)
HALF = Size(1024, 4000)
THRESHOLDS = Thresholds(cpu_reservation_high=90, memory_reservation_high=90, scale_in_after_seconds=300)


def test_reservation_over_its_threshold_adds_the_fewest_instances_that_bring_it_back_under() -> None:
    # 6144 of 6144 units: at 90 % they need 6827, so 4 instances of 2048.
    decision = decide(snapshot([instance(n, FULL) for n in range(3)]), state(), THRESHOLDS)

    assert decision.target == 4
    assert {type(r) for r in decision.reasons} == {ReservationHigh}


def test_an_instance_that_boots_already_is_not_asked_for_again() -> None:
    busy = [instance(n, FULL) for n in range(3)]

    assert decide(snapshot(busy, target=4), state(), THRESHOLDS).target == 4


def test_failures_and_drift_are_packed_together_not_added_up() -> None:
    # Each fills half an instance: together one instance, though each alone asks for one.
    world = snapshot([instance(0, FULL)], services=[service("api", 1, HALF)])
    remembered = state(demand("task-1", HALF), drift_since={"api": NOW - 60})

    decision = decide(world, remembered, Thresholds(cpu_reservation_high=100, memory_reservation_high=100))

    assert decision.target == 2
    assert WantsDoNotFit(tasks=2, add=1) in decision.reasons


def test_a_failed_task_that_fits_by_now_asks_for_nothing() -> None:
    assert decide(snapshot([instance(0)]), state(demand("task-1", HALF)), THRESHOLDS).target == 1


def test_drift_whose_tasks_would_fit_is_reported_and_does_not_scale() -> None:
    world = snapshot([instance(0)], services=[service("crashing", 2)])

    decision = decide(world, state(drift_since={"crashing": NOW - 600}), THRESHOLDS)

    assert decision.target == 1
    assert DriftIsNotCapacity("crashing", 2) in decision.reasons


def test_drift_counts_only_once_it_is_old() -> None:
    world = snapshot([instance(0, FULL)], services=[service("api", 1, HALF)])
    calm = Thresholds(drift_seconds=30, cpu_reservation_high=100, memory_reservation_high=100)

    assert decide(world, state(drift_since={"api": NOW - 29}), calm).target == 1
    assert decide(world, state(drift_since={"api": NOW - 30}), calm).target == 2


def test_a_placement_failure_makes_drift_count_at_once() -> None:
    world = snapshot([instance(0, FULL)], services=[service("api", 1, HALF)])
    calm = Thresholds(cpu_reservation_high=100, memory_reservation_high=100)
    failed = state(drift_since={"api": NOW}, placement_failed_at={"api": NOW})

    assert decide(world, failed, calm).target == 2


def test_instances_chosen_for_scale_in_are_taken_back_before_new_ones_are_asked_for() -> None:
    spare = instance(1, draining=True)
    world = snapshot([instance(0, FULL), spare])

    decision = decide(world, state(demand("task-1", HALF), draining={spare.arn: "i-1"}), THRESHOLDS)

    assert decision.to_undrain == (spare.arn,)
    assert decision.target == 2
    assert TakenBack(1) in decision.reasons


def test_a_take_back_is_forgotten_only_once_it_is_seen_to_have_happened() -> None:
    chosen = state(draining={"arn-0": "i-0"})

    assert update_state(snapshot([instance(0, draining=True)]), chosen, THRESHOLDS).draining == {"arn-0": "i-0"}
    assert update_state(snapshot([instance(0)]), chosen, THRESHOLDS).draining == {}


def test_an_interrupted_instance_is_replaced_by_its_pool_and_one_drained_by_hand_is_not() -> None:
    world = snapshot([instance(0, FULL), instance(1, HALF, draining=True)], kind=PoolKind.AUTO_SCALING_GROUP)
    calm = Thresholds(cpu_reservation_high=100, memory_reservation_high=100)

    interrupted = decide(world, state(demand("a", HALF), leaving_since={"arn-1": NOW - 60}), calm)
    by_hand = decide(world, state(demand("a", HALF), leaving_since={"arn-1": NOW - 600}), calm)

    assert (interrupted.target, by_hand.target) == (2, 3)


def test_what_drains_is_taken_back_before_what_boots_is_counted_on() -> None:
    # It has room now; what boots has room in a minute.
    chosen = instance(1, HALF, draining=True)
    remembered = state(demand("a", HALF), draining={chosen.arn: chosen.instance_id})

    decision = decide(snapshot([instance(0, FULL), chosen], target=3), remembered, THRESHOLDS)

    assert (decision.target, decision.to_undrain) == (3, (chosen.arn,))


def test_an_instance_that_drains_for_an_interruption_is_never_taken_back() -> None:
    world = snapshot([instance(0, FULL), instance(1, draining=True)])

    decision = decide(world, state(demand("task-1", HALF)), THRESHOLDS)

    assert decision.to_undrain == ()


def test_a_target_under_what_is_there_is_raised_over_it() -> None:
    # Somebody lowered the target; the instances are still there, and full.
    calm = Thresholds(cpu_reservation_high=100, memory_reservation_high=100)
    world = snapshot([instance(n, FULL) for n in range(3)], target=1)

    assert decide(world, state(demand("a", HALF)), calm).target == 4


def test_the_maximum_holds_and_is_said() -> None:
    decision = decide(
        snapshot([instance(n, FULL) for n in range(4)]), state(), Thresholds(max_capacity=4, cpu_reservation_high=50)
    )

    assert decision.target == 4
    assert any(isinstance(r, AtMaximum) for r in decision.reasons)


def test_a_task_that_fits_no_instance_is_said_and_asks_for_none() -> None:
    decision = decide(snapshot([instance(0)]), state(demand("giant", Size(9999, 1))), THRESHOLDS)

    assert decision.target == 1
    assert any(isinstance(r, FitsNoInstance) for r in decision.reasons)


def test_a_cluster_at_zero_gets_its_first_instance_without_knowing_its_size() -> None:
    assert decide(snapshot([]), ScalingState(demands={"a": demand("a")}), THRESHOLDS).target == 1


@pytest.mark.parametrize("mode", ["paused"])
def test_a_paused_cluster_is_left_alone(mode: str) -> None:
    decision = decide(snapshot([instance(0, FULL)]), state(demand("a", FULL)), Thresholds(mode=mode))

    assert not decision.acts_on(snapshot([instance(0, FULL)]))


def test_a_demand_that_fell_silent_is_forgotten() -> None:
    world = snapshot([instance(0)])
    said = state(demand("old", said_at=NOW - 31), demand("new", said_at=NOW - 30))

    assert set(update_state(world, said, Thresholds(demand_silent_after_seconds=30)).demands) == {"new"}


def test_a_reason_reads_as_a_sentence() -> None:
    assert str(ReservationHigh("memory", 87.0, 80, add=2)) == "memory reservation 87 % > 80 %: +2 instances"
