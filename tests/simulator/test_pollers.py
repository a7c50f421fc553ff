"""SQS and Lambda: several pollers with windows of their own, visibility from receipt, concurrency, cold starts."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.lambdas import Function, LambdaContext
from simulator.queues import Queue
from simulator.timing import Timing
from simulator.world import World


class Watched:
    """A queue with a function that takes `run_s` seconds. Each invocation: its start, and its messages' bodies."""

    def __init__(self, run_s: float = 0.0, timing: Timing = Timing(pollers=5), **queue: Any) -> None:  # noqa: B008
        self.world = World(seed=1, duplicates=0.0, scaling=False, timing=timing)
        self.run_s = run_s
        self.started_at = self.world.clock.now
        self.invocations: list[tuple[float, list[str]]] = []
        self.cold: list[bool] = []
        self.queue = Queue("q", **queue)
        self.queue.function = Function("f", self._handle, timeout_s=900)

    def send(self, count: int, every_s: float = 0.0) -> None:
        messaging = self.world.account.messaging
        for number in range(count):
            self.world.clock.after(number * every_s, lambda n=number: messaging.enqueue(self.queue, str(n)))  # type: ignore[misc]

    def _handle(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        now_s = self.world.clock.now - self.started_at
        self.invocations.append((round(now_s, 3), [r["body"] for r in event["Records"]]))
        self.cold.append(context.is_cold)
        self.world.clock.sleep(self.run_s)
        return {}

    @property
    def bodies(self) -> list[str]:
        return sorted((b for _, batch in self.invocations for b in batch), key=int)


@pytest.mark.parametrize("pollers", [1, 2, 5, 10])
def test_each_message_is_received_by_one_of_the_pollers(pollers: int) -> None:
    watched = Watched(timing=Timing(pollers=pollers), batch_size=1000, window_s=1)
    watched.send(100)
    watched.world.run(10)

    assert watched.bodies == [str(n) for n in range(100)]
    assert len(watched.invocations) == pollers


def test_a_window_begins_with_the_first_message_of_its_poller() -> None:
    watched = Watched(batch_size=1000, window_s=2)
    watched.send(4, every_s=0.5)
    watched.world.run(10)

    for at_s, batch in watched.invocations:
        assert at_s == min(int(b) for b in batch) * 0.5 + 2


def test_one_poller_without_the_option_receives_all() -> None:
    watched = Watched(timing=Timing(), batch_size=1000, window_s=2)
    watched.send(4, every_s=0.5)
    watched.world.run(10)

    assert [len(batch) for _, batch in watched.invocations] == [4]


def test_a_message_is_hidden_from_its_receipt_and_not_from_the_end_of_the_window() -> None:
    watched = Watched(run_s=4, timing=Timing(pollers=1), batch_size=1000, window_s=3, visibility_s=6)
    watched.send(1)
    watched.world.run(60)

    # It was received at 0 and handled from 3 to 7. At 6 it was visible again, and another window began.
    assert [at_s for at_s, _ in watched.invocations] == [3, 9]


def test_five_invocations_run_at_once_at_first_and_more_come_with_time() -> None:
    watched = Watched(run_s=60, timing=Timing(pollers=10), batch_size=1, visibility_s=600)
    watched.send(40)

    watched.world.run(0.5)
    assert len(watched.invocations) == 5
    watched.world.run(2)
    assert len(watched.invocations) == 15
    watched.world.run(60)
    assert watched.bodies == [str(n) for n in range(40)]


def test_an_invocation_without_an_idle_environment_starts_later() -> None:
    watched = Watched(run_s=5, timing=Timing(pollers=1, cold_start_s=0.9), batch_size=1)
    watched.send(1)
    watched.world.run(20)
    watched.send(2)
    watched.world.run(20)

    assert [at_s for at_s, _ in watched.invocations] == [0.9, 20, 20.9]
    assert watched.cold == [True, False, True]


def test_there_are_one_to_ten_pollers() -> None:
    with pytest.raises(ValueError, match="1 to 10"):
        Timing(pollers=11)


def test_pollers_are_added_while_messages_wait_and_go_again() -> None:
    watched = Watched(run_s=60, timing=Timing(pollers=5, scales_pollers=True), batch_size=1, visibility_s=600)
    watched.send(40)

    watched.world.run(0.5)
    assert len(watched.invocations) == 5
    watched.world.run(2)
    assert len(watched.invocations) == 15
    watched.world.run(300)
    assert watched.bodies == [str(n) for n in range(40)]
    watched.send(40)
    watched.world.run(0.5)
    assert len(watched.invocations) == 45, "five at first, as at the beginning"


def test_a_maximum_of_the_concurrency_is_kept() -> None:
    watched = Watched(
        run_s=5, timing=Timing(pollers=5, scales_pollers=True), batch_size=1, visibility_s=600, max_concurrency=2
    )
    watched.send(20)

    watched.world.run(14)
    assert len(watched.invocations) == 6
    watched.world.run(60)
    assert watched.bodies == [str(n) for n in range(20)]
