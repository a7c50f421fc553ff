"""Room to start at once: raised by tasks that wait, lowered by those that do not, at rest where it is asked for."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.cluster import Size
from steady.scaling.decision import decide
from steady.scaling.rules import LEAST_SPARE
from steady.scaling.staffing import LARGEST_FACTOR, STEP, Staffing
from steady.thresholds import Thresholds
from tests.unit.snapshots import NOW, instance, snapshot, state

INSTANCE = Size(2048, 8000)


def seen(staffing: Staffing, came: int, waited: int, share: int = 97) -> Staffing:
    """`staffing` after a look at which `came` more tasks were there, `waited` of them without room."""
    return staffing.learn((staffing.tasks or 0) + came, 0, waited, share)


def test_nothing_is_learned_from_the_first_look() -> None:
    assert Staffing().learn(40, 3, 7, 97) == Staffing(0.0, 40, 3)


def test_a_task_that_waits_raises_the_factor_and_one_that_does_not_lowers_it() -> None:
    start = Staffing(0.5, tasks=10)

    assert seen(start, came=1, waited=1).factor == pytest.approx(0.5 + 0.97 * STEP)
    assert seen(start, came=1, waited=0).factor == pytest.approx(0.5 - 0.03 * STEP)
    assert seen(start, came=0, waited=0).factor == 0.5


def test_a_service_that_goes_on_lacking_the_same_tasks_is_counted_once() -> None:
    lacking = Staffing(0.5, tasks=10, lacking=4)

    assert lacking.learn(10, 4, 0, 97).factor == 0.5
    assert lacking.learn(11, 5, 0, 97).factor > 0.5


@pytest.mark.parametrize("share", [90, 95, 99])
def test_the_factor_comes_to_rest_where_the_share_of_tasks_starts_at_once(share: int) -> None:
    # A cluster where each unit of the factor takes a fifth of the waits away.
    rng = random.Random(share)
    staffing, waits = Staffing(tasks=0), []
    for _ in range(40_000):
        waited = rng.random() < max(0.0, 0.2 * (1 - staffing.factor))
        waits.append(waited)
        staffing = seen(staffing, came=1, waited=int(waited), share=share)

    assert sum(waits[10_000:]) / 30_000 == pytest.approx(1 - share / 100, abs=0.005)


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000))))
def test_no_burst_takes_the_factor_out_of_its_range(looks: list[tuple[int, int]]) -> None:
    staffing = Staffing(tasks=0)
    for came, waited in looks:
        before = staffing.factor
        staffing = seen(staffing, came, waited)
        assert 0 <= staffing.factor <= LARGEST_FACTOR
        assert abs(staffing.factor - before) <= 30 * STEP


def test_room_grows_with_the_square_root_of_the_load() -> None:
    staffing = Staffing(0.5)

    # 4 instances of load: half of their root is one instance; 16 of them: two.
    assert staffing.room(INSTANCE * 4, INSTANCE) == INSTANCE
    assert staffing.room(INSTANCE * 16, INSTANCE) == INSTANCE * 2
    assert staffing.room(Size(0, 0), INSTANCE) == Size(0, 0)


@given(st.integers(1, 40), st.integers(0, 100), st.floats(0.1, LARGEST_FACTOR))
def test_room_that_is_half_used_is_filled_up_and_no_instance_goes_before_it_is_more_than_full(
    count: int, percent: int, factor: float
) -> None:
    load = Size(2048 * percent // 100, 8000 * percent // 100)
    world = snapshot([instance(n, load) for n in range(count)])
    reserved = load * count
    room, free = Staffing(factor).room(reserved, INSTANCE), INSTANCE * count - reserved

    decision = decide(world, state(staffing=Staffing(factor), low_since=NOW - 600), Thresholds())

    least = Size(int(room.cpu_units * LEAST_SPARE), int(room.memory_mib * LEAST_SPARE))
    assert (decision.target > count) is not free.holds(least)
    if decision.target > count:
        assert (free + INSTANCE * (decision.target - count)).holds(room)
    if decision.to_drain:
        assert (free - INSTANCE * len(decision.to_drain)).holds(room)
