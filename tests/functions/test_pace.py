"""The pace of calls that share a token bucket."""

from __future__ import annotations

from steady.api_budget.limits import Bucket
from steady.aws.pace import Pace

BUCKET = Bucket("example", burst=2, refill_per_s=1, actions=frozenset())


def paced() -> tuple[Pace, list[float]]:
    slept: list[float] = []
    return Pace(BUCKET, lambda: 100.0, slept.append), slept


def test_a_turn_that_comes_too_late_is_left_to_others() -> None:
    pace, slept = paced()

    assert [pace.wait_for_turn(until=101.5) for _ in range(5)] == [True, True, True, False, False]
    assert slept == [1.0]
    # The next turn is the one that was left.
    assert pace.wait_for_turn()
    assert slept == [1.0, 2.0]


def test_a_bucket_that_another_process_has_emptied_has_no_burst() -> None:
    pace, slept = paced()
    pace.begin_without_burst()

    assert pace.wait_for_turn()
    assert slept == [1.0]
