"""The lease of a service-out's chain: whose step crashed, and who may do it again."""

from __future__ import annotations

import time

import pytest

from steady.aws.runtime import Runtime, in_threads
from steady.aws.service_out import lease
from steady.aws.service_out.lease import Later, Lease


def begun(runtime: Runtime, table: str) -> tuple[str, Lease]:
    """Return the token of a chain's continuation, and the lease of the step that it has begun."""
    first = lease.take(runtime, table, "web", (), ["a notice"], ["i-1"])
    assert isinstance(first, Lease)
    lease.rest(runtime, table, "web", first, 10.0)
    second = lease.take(runtime, table, "web", [first.token], ["its continuation"], [])
    assert isinstance(second, Lease)
    return first.token, second


def test_a_spare_continuation_does_the_step_of_one_that_was_lost(runtime: Runtime, table: str) -> None:
    first = lease.take(runtime, table, "web", (), ["a notice"], ["i-1"])
    assert isinstance(first, Lease)
    lease.rest(runtime, table, "web", first, 10.0)

    assert isinstance(lease.take_over(runtime, table, "web", first.token), Lease)


def test_a_spare_continuation_waits_while_the_step_works(runtime: Runtime, table: str) -> None:
    token, _ = begun(runtime, table)

    assert lease.take_over(runtime, table, "web", token) == Later(token)


def test_a_spare_continuation_does_the_step_of_one_that_crashed(
    runtime: Runtime, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, step = begun(runtime, table)
    handed_over = lease.take(runtime, table, "web", (), ["another notice"], ["i-2"])
    assert isinstance(handed_over, lease.HandedOver)
    now = runtime.now()
    monkeypatch.setattr(runtime, "now", lambda: now + lease.LASTS_S + 1)
    taken = lease.take_over(runtime, table, "web", token)

    assert isinstance(taken, Lease)
    assert taken.mail == ("i-2",)
    # The step that had the lease writes nothing any more.
    assert lease.rest(runtime, table, "web", step, 10.0) == ()
    assert lease.take_over(runtime, table, "web", token) == Later(token)


@pytest.mark.parametrize("then", ["rests", "has ended"])
def test_a_spare_continuation_does_nothing_once_the_chain_has_gone_on(runtime: Runtime, table: str, then: str) -> None:
    token, step = begun(runtime, table)
    if then == "rests":
        lease.rest(runtime, table, "web", step, 10.0)
    else:
        lease.end(runtime, table, "web", step)

    assert lease.take_over(runtime, table, "web", token) is None


def test_a_step_renews_its_lease_while_it_works(runtime: Runtime, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    token, step = begun(runtime, table)
    begin = runtime.now()
    at = begin

    def pass_by(seconds: float) -> None:
        nonlocal at
        at += seconds

    monkeypatch.setattr(runtime, "now", lambda: at)
    monkeypatch.setattr(runtime, "sleep", pass_by)
    monkeypatch.setattr(runtime, "in_parallel", in_threads)

    def work() -> float:
        while at < begin + 3 * lease.LASTS_S:
            time.sleep(0.001)
        return at

    assert lease.while_held(runtime, table, "web", step, work) >= begin + 3 * lease.LASTS_S
    assert lease.take_over(runtime, table, "web", token) == Later(token)
