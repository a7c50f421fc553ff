"""When the steps of a service-out happen."""

from steady.service_out.doomed import Doomed, LifecycleHook
from steady.service_out.timing import ROUND_S, SHORT_ROUND_S, are_to_be_gathered, is_due, next_heartbeat_in_s, round_end


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


def test_a_round_is_short_while_more_notices_may_come() -> None:
    fleet = [Doomed("i-1", "web", 120.0, noticed_at=0.0), Doomed("i-2", "web", 150.0, noticed_at=30.0)]

    assert round_end(fleet, now=40.0) == 40.0 + SHORT_ROUND_S
    assert round_end(fleet, now=60.0) == 60.0 + ROUND_S


def test_a_short_heartbeat_timeout_brings_the_next_step_in_time() -> None:
    hook = LifecycleHook("web", "drain", "token", heartbeat_s=30, beat_at=0.0)
    held = [Doomed("i-1", "web", 7200.0, hooks=(hook,))]

    assert next_heartbeat_in_s(held, now=5.0) == 5.0
    assert not is_due(hook, now=5.0)
    assert is_due(hook, now=10.0)
    assert next_heartbeat_in_s(held, now=25.0) <= 3.0, "it was missed: the next step, soon, sends it"


def test_a_round_ends_before_a_short_heartbeat_timeout_does() -> None:
    hook = LifecycleHook("web", "drain", "token", heartbeat_s=30, beat_at=50.0)
    noticed = Doomed("i-1", "web", 120.0, noticed_at=0.0, hooks=(hook,))

    assert round_end([noticed], now=60.0) == 70.0
