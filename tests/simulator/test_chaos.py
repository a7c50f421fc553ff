"""The short form of `make chaos`: some of the matrix, all that goes wrong with events, and half a day of everything."""

from __future__ import annotations

import pytest

from simulator.chaos import matrix
from simulator.chaos.events import EVENTS
from simulator.chaos.matrix import Case
from simulator.chaos.scenarios import SCENARIOS, Trial
from simulator.chaos.soak import Soak
from simulator.clock import Crashed
from simulator.errors import AwsError
from simulator.faults import CrashAt, Fault, Refused, Silent, Stale, Try


def is_at_one_call(case: Case) -> bool:
    return case.kind.endswith((" before a call", " after a call"))


# One in so many of the cases, all of which `make chaos` runs: there are two of the first kind for each call.
ALL = list(matrix.cases())
OF_AN_ACTION = [case for case in ALL if not is_at_one_call(case) and case.kind != matrix.NO_OTHER_FAULT]
SAMPLED = list(filter(is_at_one_call, ALL))[::97] + OF_AN_ACTION[::9]


@pytest.mark.parametrize("case", SAMPLED, ids=lambda case: f"{case.trial.name}: {case.kind}: {case.at}")
def test_promises_hold_whatever_happens_to_a_call(case: Case) -> None:
    assert matrix.run(case).broken == ()


@pytest.mark.parametrize("trial", EVENTS, ids=lambda trial: trial.name)
def test_promises_hold_whatever_happens_to_events(trial: type[Trial]) -> None:
    run = trial()
    run.run()

    assert run.broken_promises() == []


def test_the_matrix_has_every_call_of_every_scenario() -> None:
    for scenario in SCENARIOS:
        crashes = [case for case in ALL if case.trial is scenario and "crash" in case.kind]
        assert len(crashes) > 300
        kinds = {case.kind for case in ALL if case.trial is scenario}
        assert {kind for kind, _, _ in matrix.KINDS[:5]} <= kinds


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_promise_that_does_not_hold_is_seen(scenario: type[Trial]) -> None:
    """What would be broken if nothing at all worked: no trial passes by doing nothing."""
    trial = scenario()
    trial.world.account.endpoint.fault = _Nothing()
    trial.run()

    assert trial.broken_promises()


def test_half_a_day_of_everything_breaks_no_promise() -> None:
    soaked = Soak(days=0.5, seed=1).run()

    assert soaked.broken_promises() == []
    assert sum(soaked.faults.values()) > 15
    assert soaked.events.get("lost", 0) + soaked.events.get("late", 0) > 0
    assert soaked.notices > 3
    assert soaked.tasks > 80


def test_the_same_seed_soaks_the_same() -> None:
    assert Soak(days=0.05, seed=2).run() == Soak(days=0.05, seed=2).run()


def test_a_refused_call_is_a_botocore_error_and_a_silent_one_is_tried_again() -> None:
    trial = SCENARIOS[1]()
    runtime = trial.world.suite.runtime("test")
    endpoint = trial.world.account.endpoint
    endpoint.fault = Silent("ecs:DescribeClusters", after=True)
    before = trial.world.clock.now

    assert runtime.ecs.describe_clusters(clusters=["web"])["clusters"]
    assert endpoint.counted("test").calls["ecs:DescribeClusters"] == 2
    assert trial.world.clock.now - before > runtime.ecs.meta.config.read_timeout
    endpoint.fault = Refused.denied("ecs:DescribeClusters", 1000)
    with pytest.raises(runtime.ecs.exceptions.ClientError, match="AccessDenied"):
        runtime.ecs.describe_clusters(clusters=["web"])


def test_stale_reads_lag_and_then_catch_up() -> None:
    trial = SCENARIOS[0]()
    runtime = trial.world.suite.runtime("test")
    trial.world.account.endpoint.fault = Stale(5.0)

    def active() -> int:
        return int(runtime.ecs.describe_clusters(clusters=["web"])["clusters"][0]["runningTasksCount"])

    first = active()
    trial.cluster.service("more", 3)
    trial.world.run(3)
    assert active() == first
    trial.world.run(10)
    assert active() == first + 3


def test_a_crash_is_once() -> None:
    crash = CrashAt(0, after=False)
    tried = Try(0.0, 0, "test", "ecs:ListTasks", {})

    with pytest.raises(Crashed, match="crashed before ecs:ListTasks"):
        crash.before(tried)
    crash.before(tried)


class _Nothing(Fault):
    def before(self, tried: Try) -> None:  # noqa: ARG002
        raise AwsError("InternalError", "nothing works", 500)
