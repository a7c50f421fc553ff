"""Rounds of the launch queue that take longer than they hold their cluster: nothing runs twice when another begins."""

from __future__ import annotations

import pytest

from infra import wiring
from simulator.faults import Fault, Try
from simulator.world import SimulatedCluster, World
from steady.aws.queued_rounds import HELD_FOR_S, Hold, RoundTaken
from task_launcher.rounds import OVER_AFTER_S
from tests.simulator.test_task_launcher import events, full, launch


class SlowOnce(Fault):
    """The first `tries` of a call take `seconds` longer before they take effect."""

    def __init__(self, cluster: SimulatedCluster, name: str, seconds: float, tries: int) -> None:
        self.clock, self.name, self.seconds, self.left = cluster.world.clock, name, seconds, tries

    def before(self, tried: Try) -> None:
        if tried.name == self.name and self.left:
            self.left -= 1
            self.clock.sleep(self.seconds)


@pytest.mark.parametrize("seconds", [3.0, 5.0, 8.0])
@pytest.mark.parametrize("name", ["ecs:RunTask", "dynamodb:UpdateItem", "dynamodb:Query"])
def test_a_request_runs_once_also_if_the_round_that_asks_for_it_is_overtaken(name: str, seconds: float) -> None:
    web = full(seed=21, duplicates=0.0)
    web.world.account.endpoint.fault = SlowOnce(web, name, seconds, 6)
    for number in range(10):
        web.world.clock.after(2.0 * number, lambda n=number: launch(web, clientToken=f"run-{n}"))  # type: ignore[misc]
    web.world.run(900)

    started = [event["id"] for event in events(web, "Launch Started")]
    assert set(started) == {f"run-{number}" for number in range(10)}
    assert len(web.tasks("family:report")) == 10


def test_a_hold_is_kept_while_its_round_goes_on_and_lost_once_another_begins() -> None:
    world = World(seed=1, duplicates=0.0)
    runtime, table = world.suite.runtime("task-launcher"), "steady-launches"
    seen = []

    def rounds() -> None:
        first = Hold.begin(runtime, table, "web")
        assert first
        runtime.sleep(HELD_FOR_S * 0.75)
        first.keep()
        runtime.sleep(HELD_FOR_S / 2)
        seen.append(Hold.begin(runtime, table, "web"))
        runtime.sleep(HELD_FOR_S)
        second = Hold.begin(runtime, table, "web")
        assert second
        with pytest.raises(RoundTaken):
            first.keep()
        # The end of a round that was overtaken does not end the other one.
        first.end()
        seen.append(Hold.begin(runtime, table, "web"))
        second.end()
        seen.append(bool(Hold.begin(runtime, table, "web")))

    world.clock.spawn(rounds)
    world.run(60)

    assert seen == [None, None, True]


def test_an_invocation_is_taken_for_over_no_sooner_than_lambda_ends_it() -> None:
    assert wiring.TASK_LAUNCHER.timeout_s <= OVER_AFTER_S
