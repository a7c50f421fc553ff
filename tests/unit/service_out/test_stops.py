"""The schedule of StopTask calls: backwards from the deadlines, under the API's rate."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from steady.service_out.doomed import DoomedTask, TaskKind
from steady.service_out.stops import STOPS_PER_S, Stop, fill, in_order, last_moments, last_stop_at

TASKS = st.lists(
    st.tuples(st.sampled_from(TaskKind), st.integers(0, 120), st.floats(60, 300)), min_size=1, max_size=200
)


@given(TASKS)
def test_whoever_keeps_to_the_last_moments_keeps_to_the_rate_and_to_every_deadline(
    given_: list[tuple[TaskKind, int, float]],
) -> None:
    tasks = [
        (DoomedTask(f"t{number:03}", "arn-1", kind, timeout), deadline)
        for number, (kind, timeout, deadline) in enumerate(given_)
    ]

    moments = last_moments(tasks)

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
