"""The suite's share of an API bucket: never more than that of any stretch of time, whoever asks for how much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.api_budget.limits import BUCKET_NAMED, BUCKETS, Bucket
from steady.api_budget.rate import REST_S
from steady.api_budget.turns import TICK_WAITS_S, Given, Turns, Urgency, calls_from

READ = BUCKET_NAMED["cluster-resource-read"]
NOW = 1_767_225_600.0
SHARE = 0.3


def give(turns: Turns, bucket: Bucket, calls: int, share: float, now: float) -> tuple[Turns, Given]:
    turn = turns.until.get(bucket.name, 0.0)
    change = turns.giving(bucket, calls, share, now)
    assert change.lowest is None or turn >= change.lowest
    assert change.below is None or turn < change.below
    return turns.with_({bucket.name: change.of(turn)}), calls_from(turn, bucket, calls, share, now)


def asked(turns: Turns, calls: int, now: float = NOW) -> Turns:
    return give(turns, READ, calls, SHARE, now)[0]


@given(
    st.sampled_from(BUCKETS),
    st.lists(st.tuples(st.floats(0, 30), st.integers(1, 120), st.integers(1, 100)), min_size=1, max_size=20),
)
def test_no_stretch_of_time_sees_more_calls_than_its_share(bucket: Bucket, asks: list[tuple[float, int, int]]) -> None:
    """Each asks some seconds after the one before, for so many calls, at a share in percent."""
    turns, now, made = Turns(), NOW, []
    largest = max(percent for _, _, percent in asks) / 100
    for later_s, calls, percent in asks:
        now += later_s
        turns, found = give(turns, bucket, calls, percent / 100, now)
        # A call is made at its turn, or at once if that is past.
        made += [max(now, found.at(number)) for number in range(calls)]
    made.sort()
    for begin in range(0, len(made), max(1, len(made) // 40)):
        for end in range(begin, len(made), max(1, len(made) // 40)):
            seconds = made[end] - made[begin]
            allowed = largest * (bucket.burst + bucket.refill_per_s * seconds)
            # One call is let through however small the share of the burst is.
            assert end - begin + 1 <= allowed + (largest * bucket.burst < 1) + 1e-3


def test_the_share_of_the_burst_is_there_at_once_and_the_rest_at_the_shares_pace() -> None:
    _, found = give(Turns(), READ, 100, SHARE, NOW)

    # 30 % of 100 at once, then of 20 a second.
    assert found.at(29) == pytest.approx(NOW)
    assert found.at(30) == pytest.approx(NOW + 1 / 6)
    assert found.last_at == pytest.approx(NOW + 70 / 6)


def test_what_is_affordable_is_what_can_be_given_in_time() -> None:
    turns = asked(Turns(), 10)

    count = turns.affordable(READ, SHARE, NOW, within_s=10)

    assert count == 20 + 60
    assert give(turns, READ, count, SHARE, NOW)[1].last_at <= NOW + 10 + 1e-3
    assert give(turns, READ, count + 1, SHARE, NOW)[1].last_at > NOW + 10


@pytest.mark.parametrize(
    ("calls_before", "least_urgent"),
    [
        (0, Urgency.SWEEP),
        (15, Urgency.SWEEP),
        (16, Urgency.SCALE_IN),
        (30, Urgency.SCALE_IN),
        (31, Urgency.SCALE_OUT),
        (30 + int(TICK_WAITS_S) * 6, Urgency.SCALE_OUT),
        (31 + int(TICK_WAITS_S) * 6, None),
    ],
)
def test_the_least_urgent_gives_way_first(calls_before: int, least_urgent: Urgency | None) -> None:
    assert asked(Turns(), calls_before).allows(READ, SHARE, NOW) is least_urgent


def test_a_bucket_is_free_again_once_its_calls_are_past() -> None:
    assert asked(Turns(), 60).allows(READ, SHARE, NOW + 10) is Urgency.SWEEP


def test_service_out_takes_what_it_needs_and_others_wait_for_no_more_than_the_whole_bucket() -> None:
    served = Turns()
    for second in range(100):
        change = served.charging(READ, 400, NOW + second)
        assert change
        served = served.with_({READ.name: change.of(served.until.get(READ.name, 0.0))})
    after = NOW + 99

    assert served.allows(READ, SHARE, after) is Urgency.SCALE_IN
    # The bucket is empty: the next call comes at the pace of the share.
    _, found = give(served, READ, 2, SHARE, after)
    assert found.first_at == pytest.approx(after + 1 / 6)
    assert served.allows(READ, SHARE, after + 5) is Urgency.SWEEP


def test_refused_calls_make_the_share_smaller() -> None:
    quiet, crowded = asked(Turns(), 1), asked(Turns(), 1)
    for _ in range(10):
        quiet = asked(quiet, 10)
        change = crowded.giving(READ, 10, SHARE, NOW, refused=5)
        crowded = crowded.with_({READ.name: change.of(crowded.until[READ.name])})

    assert crowded.until[READ.name] == pytest.approx(quiet.until[READ.name] + 50 * REST_S)


def test_a_smaller_share_pays_more_and_the_larger_one_holds() -> None:
    small = give(Turns(), READ, 10, 0.1, NOW)[0]

    assert small.until[READ.name] == pytest.approx(NOW + 5)
    assert small.affordable(READ, SHARE, NOW, within_s=0) == 0
