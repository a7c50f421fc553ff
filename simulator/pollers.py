"""The pollers of an event source mapping: each gathers messages in a batching window of its own (Lambda, SQS)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.clock import Clock, Timer
from simulator.queues import Queue, QueuedMessage

# AWS Lambda guide, "Using Lambda with Amazon SQS": five concurrent invocations at first, then up to 300 more a minute,
# 1,250 at most.
FIRST_CONCURRENCY = 5
MORE_A_SECOND = 5
MOST_CONCURRENCY = 1250
# Seconds until pollers that were added go again, if no message waits then; Lambda's guide names no number.
QUIET_S = 60.0


@dataclass(eq=False, slots=True)
class Poller:
    """One poller, and the batch that it gathers.

    Attributes:
        window: ends the batching window, which began with the first message; None: there is none.
        is_full: whether the batch waits for an invocation. The poller receives nothing more meanwhile.
    """

    batch: list[QueuedMessage] = field(default_factory=list)
    window: Timer | None = None
    is_full: bool = False


class Pollers:
    """All pollers of one queue.

    A message is received by exactly one of them, which hides it at once: its visibility timeout runs while the batch
    is still gathered. A batch that finds no free invocation waits.

    Args:
        receive: hides a message; returns whether it is to be handled (and not a dead letter).
        feed: invokes the queue's function with a batch, and calls its last argument when the invocation has ended.
        scales: whether there are more pollers, too, while messages wait (`Timing.scales_pollers`).
    """

    def __init__(
        self,
        queue: Queue,
        count: int,
        clock: Clock,
        rng: random.Random,
        receive: Callable[[Queue, QueuedMessage], bool],
        feed: Callable[[Queue, list[QueuedMessage], Callable[[], object]], None],
        *,
        scales: bool = False,
    ) -> None:
        self.queue = queue
        self.clock = clock
        # "Configuring maximum concurrency for Amazon SQS event sources": once it is reached, Lambda reads no more.
        self.most = queue.max_concurrency or MOST_CONCURRENCY
        self.first = min(FIRST_CONCURRENCY, self.most)
        self.concurrency = self.first
        self.running = 0
        self._rng = rng
        self._receive = receive
        self._feed = feed
        self._scales = scales
        self._least = min(count, self.most)
        self._pollers = [Poller() for _ in range(self._least)]
        self._unreceived: list[QueuedMessage] = []
        self._is_scaling = False

    def expect(self, message: QueuedMessage) -> None:
        """Receive a message once it is visible."""
        self.clock.at(message.visible_at, lambda: self._take(message))

    def _take(self, message: QueuedMessage) -> None:
        # It may have been deleted, or received again, since this was planned.
        if message.visible_at > self.clock.now or message not in self.queue.messages:
            return
        free = [p for p in self._pollers if not p.is_full]
        if not free:
            self._unreceived.append(message)
            return
        if not self._receive(self.queue, message):
            return
        self.expect(message)
        poller = self._rng.choice(free)
        poller.batch.append(message)
        if len(poller.batch) >= self.queue.batch_size:
            self._close(poller)
        elif poller.window is None:
            poller.window = self.clock.after(self.queue.window_s, lambda: self._close(poller))

    def _close(self, poller: Poller) -> None:
        if poller.window:
            poller.window.cancel()
        poller.window, poller.is_full = None, True
        self._dispatch()

    def _dispatch(self) -> None:
        """Invoke the function with the batches that wait, as far as its concurrency goes, and receive on."""
        waiting = [p for p in self._pollers if p.is_full]
        for poller in waiting[: max(0, self.concurrency - self.running)]:
            batch, poller.batch, poller.is_full = poller.batch, [], False
            self.running += 1
            self._feed(self.queue, batch, self._ended)
        if any(p.is_full for p in self._pollers):
            self._scale_soon()
        unreceived, self._unreceived = self._unreceived, []
        for message in unreceived:
            self._take(message)

    def _ended(self) -> None:
        self.running -= 1
        self._dispatch()

    def _scale_soon(self) -> None:
        if self._is_scaling or self.concurrency >= self.most:
            return
        self._is_scaling = True

        def more() -> None:
            self._is_scaling = False
            self.concurrency = min(self.most, self.concurrency + MORE_A_SECOND)
            if self._scales:
                more_pollers = min(MORE_A_SECOND, self.most - len(self._pollers))
                self._pollers += [Poller() for _ in range(more_pollers)]
                self.clock.after(QUIET_S, self._scale_back)
            self._dispatch()

        self.clock.after(1.0, more)

    def _scale_back(self) -> None:
        """Keep the first pollers alone if no message has waited, as Lambda does "when traffic is low"."""
        if self._unreceived or self._is_scaling:
            return
        self.concurrency = self.first
        self._pollers = self._pollers[: self._least] + [p for p in self._pollers[self._least :] if p.batch]
