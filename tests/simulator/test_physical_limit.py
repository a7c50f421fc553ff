"""The most tasks that can be stopped in time, and the figures of a reclaim with AWS's timing."""

from __future__ import annotations

import random

import pytest

from simulator.bench.interruption import interruption
from simulator.bench.physical_limit import Stoppable, physical_limit
from simulator.timing import Timing


@pytest.mark.parametrize(
    ("exit_s", "limit"),
    [(0.0, 100 + 40 * 120), (10.0, 100 + 40 * 110), (30.0, 100 + 40 * 90), (120.0, 100), (121.0, 0)],
)
def test_the_limit_follows_from_the_exit_time_and_the_rate(exit_s: float, limit: int) -> None:
    tasks = [Stoppable.of(1000.0, 1120.0, exit_s)] * 6000

    assert physical_limit(tasks) == limit
    assert physical_limit(tasks[:50]) == min(limit, 50)


def test_slow_tasks_are_stopped_first_so_that_quick_ones_fit_after_them() -> None:
    slow, quick = Stoppable.of(0, 120, 110), Stoppable.of(0, 120, 10)

    # 500 calls in the 10 s of the slow ones, and 4,500 in all.
    assert physical_limit([quick] * 4000 + [slow] * 500) == 4500
    assert physical_limit([quick] * 4000 + [slow] * 600) == 4500
    assert physical_limit([quick] * 4000 + [slow] * 400) == 4400


def test_calls_before_a_notice_are_of_no_use() -> None:
    first, second = [Stoppable.of(0, 120, 119)] * 1000, [Stoppable.of(60, 180, 119)] * 1000

    assert physical_limit(first + second) == 2 * (100 + 40)


def test_the_limit_of_random_tasks_is_not_above_that_of_the_whole_time() -> None:
    rng = random.Random(1)
    tasks = [Stoppable.of(at := rng.uniform(0, 5), at + 120, rng.uniform(2, 29)) for _ in range(6000)]

    assert 100 + 40 * 91 < physical_limit(tasks) <= 100 + 40 * 123


def test_a_reclaim_is_measured_with_any_timing_and_number_of_target_groups() -> None:
    figures = interruption(2, tasks=9, timing=Timing.as_aws(), target_groups=3, delay_s=30)

    assert figures["tasks"] == figures["physical_limit_tasks"] == 18
    assert figures["unserved_requests"] > 0, "the whole fleet goes, and its replacement boots"
