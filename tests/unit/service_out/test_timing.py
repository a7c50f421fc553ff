"""When the steps of a service-out happen."""

from hypothesis import given
from hypothesis import strategies as st

from steady.service_out.drain import Doomed
from steady.service_out.timing import ROUND_S, SHORTEST_ROUND_S, are_to_be_gathered, delay_to_sync, round_end


@given(st.floats(0, 1e6), st.floats(0, 60))
def test_steps_meet_at_the_same_moments(now: float, in_s: float) -> None:
    at = now + delay_to_sync(now, in_s)

    assert at >= now + min(1, in_s) - 0.51
    assert min(at % 2, 2 - at % 2) <= 0.51 or at - now == 1


def test_a_whole_fleets_notices_are_gathered_but_not_for_long() -> None:
    fleet = [Doomed(f"i-{n}", "web", 120.0, noticed_at=0.0) for n in range(10)]

    assert are_to_be_gathered(fleet, now=3.9)
    assert not are_to_be_gathered(fleet, now=4.0)
    assert not are_to_be_gathered(fleet[:1], now=0.0)
    assert are_to_be_gathered(fleet * 10, now=4.9)
    assert not are_to_be_gathered(fleet * 10, now=5.0)


def test_instances_that_were_looked_at_neither_begin_nor_end_the_gathering() -> None:
    known = [Doomed(f"i-{n}", "web", 120.0, noticed_at=0.0, looked_at=True) for n in range(10)]
    fresh = [Doomed(f"i-new-{n}", "web", 140.0, noticed_at=20.0) for n in range(10)]

    assert not are_to_be_gathered(known, now=1.0)
    assert are_to_be_gathered(known + fresh, now=21.0)


def test_an_instance_that_is_going_already_waits_for_no_others() -> None:
    going = [Doomed(f"i-{n}", "web", 0.0, noticed_at=0.0) for n in range(10)]

    assert not are_to_be_gathered(going, now=0.5)


@given(st.floats(0, 1e6))
def test_every_step_of_a_round_ends_at_the_same_moment(now: float) -> None:
    end = round_end(now)

    assert end % ROUND_S == 0
    assert SHORTEST_ROUND_S <= end - now <= SHORTEST_ROUND_S + ROUND_S
