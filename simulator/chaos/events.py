"""Trials in which events go wrong, or others act at the same time as the suite."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from simulator.chaos.scenarios import Hook, Reclaim, ScaleIn, ScaleOut, Trial
from simulator.errors import AwsError
from simulator.suite import FAILURE_TOPIC
from simulator.world import World
from steady.metrics import MetricName

LATE_S = 600.0
STORM = 10_000


def _deliver_late(world: World, seconds: float) -> None:
    """Deliver every event `seconds` later. The suite's own messages are not delayed."""
    messaging = world.account.messaging
    deliver = messaging.deliver

    def later(queue: Any, body: str) -> None:
        world.clock.after(seconds, lambda: deliver(queue, body))

    messaging.deliver = later  # type: ignore[method-assign]


class ReclaimOutOfOrder(Reclaim):
    """Notices arrive within 20 s, in a mixed order, and half of them twice."""

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
    """Every message of the scale-out is delivered twice."""

    name = "every message twice"

    def __init__(self) -> None:
        super().__init__(duplicates=1.0)


class EventsLate(ScaleIn):
    """Events arrive ten minutes late, when their instances no longer exist."""

    name = "events ten minutes late"
    lasts_s = 2400.0

    def begin(self) -> None:
        _deliver_late(self.world, LATE_S)
        super().begin()


class EventsLost(ScaleOut):
    """No placement failure event and no message of hako arrives. Ticks see what services lack."""

    name = "events lost"
    lasts_s = 1200.0

    def begin(self) -> None:
        self.world.account.messaging.deliver = lambda queue, body: None  # type: ignore[method-assign]
        super().begin()

    def broken_promises_of_scenario(self) -> list[str]:
        # The suite knows waiting jobs only from hako's messages, so nothing is promised for jobs here.
        return self._all_running("api", 10)


class Storm(Reclaim):
    """Ten thousand events of instances of other systems arrive within a minute, with a reclaim among them."""

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
    """Messages that cannot be read arrive among good ones. They are set aside, and the good ones are handled."""

    name = "unreadable messages among good ones"
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

    def broken_promises(self) -> list[str]:
        found, notices = self.good.broken_promises_of_scenario(), self.world.suite.notices
        for queue in (notices, self.world.suite.triggers, self.world.suite.failures):
            assert queue.dead_letters
            aside = queue.dead_letters.messages
            # The interruption handler ignores and counts events of an unsupported kind instead of setting them aside.
            ignored = self.world.suite.telemetry.counts.get(MetricName.IGNORED_MESSAGES, 0) if queue is notices else 0
            if len(aside) + ignored != len(self.poison):
                found.append(f"{len(aside)} messages of {queue.name} set aside; {len(self.poison)} are unreadable")
            if any("error" not in message.attributes for message in aside):
                found.append(f"a message of {queue.name} was set aside without the reason")
        return found


class Redriven(Hook):
    """Dead letters are moved back into their queue after their notices have been handled."""

    name = "a redrive from the dead-letter queues"
    lasts_s = 1200.0

    def begin(self) -> None:
        super().begin()
        self.dead_letters = [_notice(i.id) for i in self.leaving] + ["no JSON"]
        self.world.clock.after(800, self._redrive)

    def _redrive(self) -> None:
        for body in self.dead_letters:
            self.world.account.messaging.enqueue(self.world.suite.notices, body)

    def broken_promises(self) -> list[str]:
        dead = self.world.suite.notices.dead_letters
        assert dead
        # Only the unreadable message is set aside again.
        found = [] if len(dead.messages) == 1 else [f"{len(dead.messages)} messages in the dead-letter queue, not 1"]
        dead.messages.clear()
        return found + super().broken_promises()


class TwoAutoscalers(ScaleOut):
    """Each tick arrives five times at once, and an operator raises the target capacity by hand."""

    name = "five ticks at once, and an operator who raises capacity"
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
        try:
            self.world.account.endpoint.answer("operator", "ec2:ModifySpotFleetRequest", params)
        except AwsError:
            # The fleet is modifying: the operator tries again.
            self.world.clock.after(1, self._operator)
            return
        self.raised_at = self.world.clock.now
        # Scale-in may lower it only after low reservation has lasted, which takes longer than a minute.
        self.world.clock.after(60, self._check_target)

    def _check_target(self) -> None:
        self.kept = self.cluster.target >= self.by_hand

    def broken_promises_of_scenario(self) -> list[str]:
        found = self._all_running("api", 10)
        if self.launcher.waiting:
            found.append(f"{len(self.launcher.waiting)} jobs still wait")
        if not self.kept:
            found.append(f"the operator's target of {self.by_hand} was lowered within a minute")
        if self.highest > self.by_hand:
            found.append(f"the target was {self.highest} instances; the operator asked for {self.by_hand}")
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
