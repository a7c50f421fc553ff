"""What can go wrong with events and with those who act beside the suite: each a trial of its own, with its promises."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from simulator.chaos.scenarios import Hook, Reclaim, ScaleIn, ScaleOut, Trial
from simulator.suite import FAILURE_TOPIC
from simulator.world import World
from steady.metrics import MetricName

LATE_S = 600.0
STORM = 10_000


def _deliver_late(world: World, seconds: float) -> None:
    """Every event comes so much later; messages of the suite's own do not."""
    messaging = world.account.messaging
    deliver = messaging.deliver

    def later(queue: Any, body: str) -> None:
        world.clock.after(seconds, lambda: deliver(queue, body))

    messaging.deliver = later  # type: ignore[method-assign]


class ReclaimOutOfOrder(Reclaim):
    """Notices come within twenty seconds, in any order, half of them twice."""

    name = "notices twice and out of order"

    def __init__(self) -> None:
        super().__init__(duplicates=0.5)

    def begin(self) -> None:
        messaging, world = self.world.account.messaging, self.world
        deliver, number = messaging.deliver, [0]

        def shuffled(queue: Any, body: str) -> None:
            number[0] += 1
            world.clock.after(number[0] * 7 % 20, lambda: deliver(queue, body))

        messaging.deliver = shuffled  # type: ignore[method-assign]
        super().begin()


class EveryMessageTwice(ScaleOut):
    """Every message of the scale-out comes twice."""

    name = "every message twice"

    def __init__(self) -> None:
        super().__init__(duplicates=1.0)


class EventsLate(ScaleIn):
    """Events come ten minutes late: of instances that have long gone."""

    name = "events ten minutes late"
    lasts_s = 2400.0

    def begin(self) -> None:
        _deliver_late(self.world, LATE_S)
        super().begin()


class EventsLost(ScaleOut):
    """No placement failure and no message of hako's arrives at all: what services lack, the tick sees."""

    name = "events lost"
    lasts_s = 1200.0

    def begin(self) -> None:
        self.world.account.messaging.deliver = lambda queue, body: None  # type: ignore[method-assign]
        super().begin()

    def kept_in_bounds(self) -> list[str]:
        # Of jobs nobody knows but by hako's messages, which it sends again for as long as they wait.
        return self._all_running("api", 10)


class Storm(Reclaim):
    """Ten thousand events of others' instances within a minute, and a reclaim among them."""

    name = f"a storm of {STORM:,} events"

    def begin(self) -> None:
        for number in range(STORM):
            self.world.clock.after(60 * number / STORM, lambda n=number: self._foreign(n))  # type: ignore[misc]
        self.world.clock.after(30, super().begin)

    lasts_s = 190.0

    def _foreign(self, number: int) -> None:
        detail = {"instance-id": f"i-{number:017x}f", "state": "shutting-down"}
        self.world.account.messaging.put_event(
            {"detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2", "detail": detail}
        )


class Poison(Trial):
    """Messages that nobody can read among good ones: they are set aside with the reason, and the good ones handled."""

    name = "poison among good messages"
    lasts_s = 900.0
    poison = ("no JSON", "[]", '{"detail-type": 3}', '{"cluster": {"a": []}}', "{" * 5000, '"' + "x" * 200_000 + '"')

    def build(self) -> None:
        self.good = ScaleOut()
        self.world, self.cluster = self.good.world, self.good.cluster

    def begin(self) -> None:
        suite, messaging = self.world.suite, self.world.account.messaging
        for body in self.poison:
            for queue in (suite.notices, suite.triggers):
                messaging.enqueue(queue, body)
            messaging.publish(FAILURE_TOPIC, body)
        self.good.begin()

    def broken(self) -> list[str]:
        found, notices = self.good.kept_in_bounds(), self.world.suite.notices
        for queue in (notices, self.world.suite.triggers, self.world.suite.failures):
            assert queue.dead_letters
            aside = queue.dead_letters.messages
            # An event of a kind that nobody asked for is no poison to the notices' queue: it is let go, and counted.
            ignored = self.world.suite.telemetry.counts.get(MetricName.IGNORED_MESSAGES, 0) if queue is notices else 0
            if len(aside) + ignored != len(self.poison):
                found.append(f"{len(aside)} messages of {queue.name} set aside, of {len(self.poison)} poisoned")
            if any("error" not in message.attributes for message in aside):
                found.append(f"a message of {queue.name} was set aside without its reason")
        return found


class Redriven(Hook):
    """Dead letters are moved back into their queues, where their notices are long handled."""

    name = "a redrive from the dead-letter queues"
    lasts_s = 1200.0

    def begin(self) -> None:
        super().begin()
        self.said = [_notice(i.id) for i in self.leaving] + ["no JSON"]
        self.world.clock.after(800, self._redrive)

    def _redrive(self) -> None:
        for body in self.said:
            self.world.account.messaging.enqueue(self.world.suite.notices, body)

    def broken(self) -> list[str]:
        dead = self.world.suite.notices.dead_letters
        assert dead
        # What cannot be read is set aside again; nothing else is.
        found = [] if len(dead.messages) == 1 else [f"{len(dead.messages)} messages in the dead-letter queue, not 1"]
        dead.messages.clear()
        return found + super().broken()


class TwoAutoscalers(ScaleOut):
    """Each tick comes five times at once, while an operator raises the capacity by hand."""

    name = "five ticks at once, and an operator beside them"
    by_hand = 14

    def begin(self) -> None:
        super().begin()
        self.world.clock.every(60, self._ticks, first_after_s=0.5)
        self.world.clock.after(300, self._operator)

    def _ticks(self) -> None:
        for _ in range(4):
            self.world.suite.tick("web")

    def _operator(self) -> None:
        params = {"SpotFleetRequestId": self.cluster.pool.id, "TargetCapacity": self.by_hand}  # type: ignore[union-attr]
        self.world.account.endpoint.answer("operator", "ec2:ModifySpotFleetRequest", params)
        self.raised_at = self.world.clock.now
        # Nobody lowers it within a minute: it is what an operator wants until it has been idle for long enough.
        self.world.clock.after(60, self._look)

    def _look(self) -> None:
        self.kept = self.cluster.target >= self.by_hand

    def kept_in_bounds(self) -> list[str]:
        found = self._all_running("api", 10)
        if self.launcher.waiting:
            found.append(f"{len(self.launcher.waiting)} jobs wait")
        if not self.kept:
            found.append("what the operator set was undone within a minute")
        if self.highest > self.by_hand:
            found.append(f"{self.highest} instances asked for, where the operator asked for {self.by_hand}")
        return found


EVENTS: tuple[Callable[[], Trial], ...] = (
    ReclaimOutOfOrder,
    EveryMessageTwice,
    EventsLate,
    EventsLost,
    Storm,
    Poison,
    Redriven,
    TwoAutoscalers,
)


def _notice(instance_id: str) -> str:
    detail = {"instance-id": instance_id, "instance-action": "terminate"}
    return json.dumps(
        {
            "detail-type": "EC2 Spot Instance Interruption Warning",
            "source": "aws.ec2",
            "time": "2026-01-01T00:00:00Z",
            "detail": detail,
        }
    )
