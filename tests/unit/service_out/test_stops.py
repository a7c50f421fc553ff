"""The schedule of StopTask calls: backwards from the deadlines, under the API's rate."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from steady.service_out.doomed import Doomed, DoomedTask, Target, TaskKind
from steady.service_out.drain import to_release
from steady.service_out.stops import STOPS_PER_S, Stop, fill, in_order, last_moments, last_stop_at

TASKS = st.lists(
    st.tuples(st.sampled_from(TaskKind), st.integers(0, 120), st.floats(60, 300)), min_size=1, max_size=200
)


@given(TASKS, st.integers(1, 5))
def test_whoever_keeps_to_the_last_moments_keeps_to_the_rate_and_to_every_deadline(
    given_: list[tuple[TaskKind, int, float]], each: int
) -> None:
    tasks = [
        (DoomedTask(f"t{number:03}", "arn-1", kind, timeout, service=f"s{number % each}"), deadline)
        for number, (kind, timeout, deadline) in enumerate(given_)
    ]

    moments = last_moments(tasks, {"s1"})

    assert all(moments[task.arn] <= last_stop_at(task, deadline) for task, deadline in tasks)
    in_turn = sorted(moments.values())
    gaps = [later - sooner for sooner, later in itertools.pairwise(in_turn)]
    assert all(gap >= 1 / STOPS_PER_S - 1e-6 for gap in gaps)


STOPS = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100), st.integers(0, 3)), max_size=60)


@given(STOPS, st.floats(0, 50))
def test_every_stop_has_its_turn_and_none_waits_for_one_that_may_not_be_made_yet(
    given_: list[tuple[float, float, int]], now: float
) -> None:
    stops = [Stop(str(number), at, by, rank) for number, (at, by, rank) in enumerate(given_)]

    planned = in_order(stops, now)

    assert sorted(planned, key=lambda s: s.arn) == sorted(stops, key=lambda s: s.arn)
    at = now
    for number, stop in enumerate(planned):
        if stop.at > at:
            assert all(other.at >= stop.at for other in planned[number:])
        at = max(at, stop.at) + 1 / STOPS_PER_S


def test_what_cannot_all_be_stopped_in_time_is_lost_from_the_batch_tasks_on() -> None:
    late = [Stop(f"{rank}-{number}", at=0.0, by=1.0, rank=rank) for number in range(200) for rank in (3, 2, 1, 0)]

    ranks = [stop.rank for stop in in_order(late, now=0.0)]

    assert ranks == sorted(ranks)


def test_stops_that_wait_for_their_time_do_not_fill_a_round() -> None:
    waiting = [Stop(str(number), at=100.0, by=100.0) for number in range(1000)]

    assert not fill(waiting, now=0.0)
    assert fill(waiting, now=95.0)


def test_the_last_targets_of_a_hundred_services_are_kept_until_their_replacements_can_take_requests() -> None:
    # The calls for so many target groups take 20 s, and the stops of all tasks 25 s.
    fleet = [Doomed(f"i-{n}", "web", 120.0, f"arn-{n}") for n in range(100)]
    ones = [
        DoomedTask(f"one-{n}", f"arn-{n}", TaskKind.SERVICE, 30, frozenset({target}), service=f"one-{n}")
        for n, target in enumerate(Target(f"group-{n}", f"i-{n}", 1) for n in range(100))
    ]
    others = [DoomedTask(f"batch-{n}", f"arn-{n % 100}", TaskKind.BATCH, 30) for n in range(800)]
    alone = {one.service for one in ones}

    assert to_release(fleet, [*ones, *others], alone, drain_s=15, now=24.0).targets == ()
    assert len(to_release(fleet, [*ones, *others], alone, drain_s=15, now=40.0).targets) == 100
