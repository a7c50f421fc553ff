"""`steady bench launch`: the queue loses nothing and runs nothing twice, and a broken promise is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from simulator.bench import hard_launches, launch
from simulator.bench.hard_launches import Check
from simulator.bench.launch import Case, Result


@pytest.fixture(scope="module")
def found() -> dict[str, Result]:
    return {caller: launch.run(Case(caller, 80, 30.0, seed=1)) for caller in launch.CALLERS}


def test_the_queue_runs_all_once_also_through_crashes(found: dict[str, Result]) -> None:
    for caller in (launch.QUEUE, launch.CRASHING):
        assert (found[caller].lost, found[caller].run_twice) == (0, 0)
    assert found[launch.CRASHING].crashes


def test_callers_that_call_once_lose_what_finds_no_room(found: dict[str, Result]) -> None:
    assert found[launch.ONCE].lost > 0
    assert found[launch.EACH_10_S].lost == 0
    assert found[launch.EACH_10_S].calls > found[launch.QUEUE].calls


@pytest.mark.parametrize("broken", [{"lost": 1}, {"run_twice": 1}, {"wait_s": {"p95": 181.0}}])
def test_each_promise_can_be_broken(found: dict[str, Result], broken: dict[str, object]) -> None:
    assert all(kept for _, kept in found[launch.QUEUE].promises())
    assert not all(kept for _, kept in replace(found[launch.QUEUE], **broken).promises())  # type: ignore[arg-type]


@pytest.mark.parametrize("broken", [{"lost": 1}, {"run_twice": 1}, {"wait_s": {"p95": 181.0}}, {"crashes": 0}])
def test_each_promise_of_the_crashing_queue_can_be_broken(found: dict[str, Result], broken: dict[str, object]) -> None:
    assert all(kept for _, kept in found[launch.CRASHING].promises())
    assert not all(kept for _, kept in replace(found[launch.CRASHING], **broken).promises())  # type: ignore[arg-type]


@pytest.mark.parametrize("trial", [hard_launches.too_large_gangs, hard_launches.throttled, hard_launches.poison])
def test_requests_that_are_hard_on_the_queue(trial: Callable[[int], list[Check]]) -> None:
    checks = trial(1)

    assert [str(check) for check in checks if not check.kept] == []
    assert len({check.what for check in checks}) >= 2


def test_a_broken_check_is_told() -> None:
    check = Check("gangs", "seconds half held", 4, 3)

    assert not check.kept
    assert str(check) == "gangs: seconds half held: 4, at most 3"
