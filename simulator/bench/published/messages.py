"""How fast events and messages reach a function, measured on the simulated account."""

from __future__ import annotations

from functools import cache
from statistics import quantiles
from typing import Any

from simulator.lambdas import Function, LambdaContext
from simulator.messaging import Rule
from simulator.queues import Queue
from simulator.timing import Timing
from simulator.world import World

EVENTS = 5000
RUNS_S = 1800.0


def delivery_ms(percentile: int, seed: int) -> float:
    """Return a percentile of the milliseconds from PutEvents to the message in a rule's queue."""
    return 1000 * quantiles(_deliveries(seed), n=100)[percentile - 1]


@cache
def _deliveries(seed: int) -> list[float]:
    world = World(seed, duplicates=0.0, scaling=False, timing=Timing.as_aws())
    messaging, queue = world.account.messaging, Queue("events")
    messaging.rules.append(Rule({"source": ["published"]}, queue))
    began = world.clock.now
    for _ in range(EVENTS):
        messaging.put_event({"source": "published", "detail-type": "event", "detail": {}})
    world.run(600)
    return [message.sent_at - began for message in queue.messages]


def concurrency_after(seconds: float, seed: int) -> float:
    """Return how many invocations run at once so long after the first of many messages, one of which each takes."""
    return float(_backlog(seed, seconds)[0])


def full_concurrency_s(most: int, seed: int) -> float:
    """Return after how many seconds `most` invocations run at once."""
    return _backlog(seed, RUNS_S / 2, most)[1]


def _backlog(seed: int, seconds: float, most: int = 10_000) -> tuple[int, float]:
    world = World(seed, duplicates=0.0, scaling=False, timing=Timing.as_aws(cold_start_s=0.0))
    running = 0

    def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
        nonlocal running
        running += 1
        world.clock.sleep(RUNS_S)
        return {}

    queue = Queue("backlog", visibility_s=6 * RUNS_S, batch_size=1)
    queue.function = Function("published", handle, timeout_s=2 * RUNS_S)
    for number in range(1500):
        world.account.messaging.enqueue(queue, str(number))
    began = world.clock.now
    while world.clock.now - began < seconds and running < most:
        world.run(1)
    return running, world.clock.now - began
