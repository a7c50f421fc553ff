"""EventBridge, SNS, SQS and Lambda. Messages arrive at least once and out of order.

Queues have visibility timeouts and dead-letter queues.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from simulator.clock import Clock, Crashed, Process
from simulator.endpoint import ACCOUNT_ID, REGION, Params
from simulator.errors import AwsError

# Seconds from an event to its message: EventBridge, SNS and SQS together.
DELIVERY_S = (0.2, 0.8)


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """The context that the simulated Lambda gives its handler: how long the invocation may still run."""

    remaining_s: Callable[[], float]

    def get_remaining_time_in_millis(self) -> int:
        return int(self.remaining_s() * 1000)


Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


@dataclass
class Function:
    """A Lambda function, and what is measured of its invocations.

    Attributes:
        failures: the errors that invocations ended with.
        longest_cpu_s: CPU time of the longest invocation, in real seconds, with the simulated account's answers.
        cpu_s: the same of all invocations together.
        took_s: simulated seconds of all invocations together.
    """

    name: str
    handler: Handler
    timeout_s: float
    invocations: int = 0
    timeouts: int = 0
    failures: list[BaseException] = field(default_factory=list)
    longest_cpu_s: float = 0.0
    cpu_s: float = 0.0
    took_s: float = 0.0


@dataclass(eq=False, slots=True)
class QueuedMessage:
    """A message in a queue. `receives` is how many times it was received."""

    id: str
    body: str
    sent_at: float
    visible_at: float
    attributes: Mapping[str, Any] = field(default_factory=dict)
    receives: int = 0


@dataclass(eq=False)
class Queue:
    """One SQS queue, and the function that is invoked with its messages.

    Attributes:
        visibility_s: seconds for which a received message is hidden.
        max_receives: how many times a message is received before it goes to the dead-letter queue.
        window_s: seconds for which messages are gathered into a batch.
        polls_at: when the queue is looked at next; None: it has no message.
    """

    name: str
    visibility_s: float = 30.0
    max_receives: int = 5
    dead_letters: Queue | None = None
    function: Function | None = None
    batch_size: int = 10
    window_s: float = 0.0
    messages: list[QueuedMessage] = field(default_factory=list)
    polls_at: float | None = None

    @property
    def url(self) -> str:
        return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/{self.name}"

    @property
    def arn(self) -> str:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{self.name}"


@dataclass(frozen=True)
class Rule:
    """An EventBridge rule: events that match `pattern` go to `queue`."""

    pattern: Mapping[str, Any]
    queue: Queue

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the rule's pattern matches `event`."""
        return matches_pattern(self.pattern, event)


class Messaging:
    """All rules, topics, queues and functions of the account.

    Attributes:
        published: the ARN of the topic and the text of each message that Publish sent.

    Args:
        duplicates: the fraction of messages that are delivered twice.
    """

    def __init__(self, clock: Clock, rng: random.Random, duplicates: float = 0.01) -> None:
        self.clock = clock
        self.duplicates = duplicates
        self.queues: dict[str, Queue] = {}
        self.rules: list[Rule] = []
        self.subscriptions: dict[str, list[Queue]] = {}
        self.published: list[tuple[str, str]] = []
        self._rng = rng
        self._ids = itertools.count(1)

    def add_queue(self, queue: Queue) -> Queue:
        """Add a queue to the account, and return it."""
        self.queues[queue.url] = queue
        return queue

    def put_event(self, event: dict[str, Any]) -> None:
        """Send an event to the default bus, with the members that AWS adds."""
        at = datetime.fromtimestamp(self.clock.now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        whole = {
            "version": "0",
            "id": f"event-{next(self._ids)}",
            "account": ACCOUNT_ID,
            "region": REGION,
            "time": at,
            "resources": [],
            **event,
        }
        for rule in self.rules:
            if rule.matches(whole):
                self.deliver(rule.queue, json.dumps(whole))

    def publish(self, topic: str, message: str) -> None:
        """Send a message to an SNS topic. Its queues get it in SNS's envelope."""
        envelope = {"Type": "Notification", "MessageId": f"sns-{next(self._ids)}", "Message": message}
        for queue in self.subscriptions.get(topic, []):
            self.deliver(queue, json.dumps(envelope))

    def publish_call(self, params: Params) -> dict[str, Any]:
        """Answer SNS's action Publish, which names the topic by its ARN."""
        self.published.append((params["TopicArn"], params["Message"]))
        self.publish(params["TopicArn"].rsplit(":", 1)[-1], params["Message"])
        return {"MessageId": f"sns-{next(self._ids)}"}

    def deliver(self, queue: Queue, body: str) -> None:
        """Deliver a message to `queue` at least once. Each copy takes its own time."""
        copies = 2 if self._rng.random() < self.duplicates else 1
        for _ in range(copies):
            self.clock.after(self._rng.uniform(*DELIVERY_S), lambda: self.enqueue(queue, body))

    def enqueue(
        self, queue: Queue, body: str, delay_s: float = 0.0, attributes: Mapping[str, Any] | None = None
    ) -> QueuedMessage:
        """Put a message into `queue` at once. It becomes visible after `delay_s` seconds."""
        now = self.clock.now
        message = QueuedMessage(f"message-{next(self._ids)}", body, now, now + delay_s, attributes or {})
        queue.messages.append(message)
        self._poll_at(queue, message.visible_at + queue.window_s)
        return message

    def send_message(self, params: Params) -> dict[str, Any]:
        """Answer SQS's action SendMessage."""
        queue = self.queues.get(params["QueueUrl"])
        if queue is None:
            raise AwsError("AWS.SimpleQueueService.NonExistentQueue", f"no queue {params['QueueUrl']}")
        delay_s = params.get("DelaySeconds", 0)
        if not 0 <= delay_s <= 900:
            raise AwsError("InvalidParameterValue", f"DelaySeconds is {delay_s}: 0 to 900 is needed")
        if len(params["MessageBody"]) > 262_144:
            raise AwsError("InvalidParameterValue", "One or more parameters are invalid: message over 262144 bytes")
        copies = 2 if self._rng.random() < self.duplicates else 1
        for _ in range(copies):
            message = self.enqueue(queue, params["MessageBody"], delay_s, params.get("MessageAttributes"))
        return {"MessageId": message.id}

    def invoke(self, function: Function, event: dict[str, Any], then: Callable[[dict[str, Any] | None], None]) -> None:
        """Invoke `function` in its own process. `then` gets its answer, or None if it failed or reached its timeout."""
        function.invocations += 1
        begun = self.clock.now
        deadline = begun + function.timeout_s
        context = LambdaContext(lambda: deadline - self.clock.now)

        def run() -> None:
            try:
                answer: dict[str, Any] | None = function.handler(event, context)
            except (Exception, Crashed) as error:
                function.failures.append(error)
                answer = None
            function.longest_cpu_s = max(function.longest_cpu_s, process.cpu_s())
            function.cpu_s += process.cpu_s()
            function.took_s += self.clock.now - begun
            timer.cancel()
            then(answer)

        process = self.clock.spawn(run)
        timer = self.clock.at(deadline, lambda: self._timed_out(function, process, then))

    def _timed_out(self, function: Function, process: Process, then: Callable[[dict[str, Any] | None], None]) -> None:
        function.timeouts += 1
        process.kill()
        then(None)

    def _poll_at(self, queue: Queue, when: float) -> None:
        if queue.function and (queue.polls_at is None or when < queue.polls_at):
            queue.polls_at = when
            self.clock.at(when, lambda: self._poll(queue, when))

    def _poll(self, queue: Queue, when: float) -> None:
        if queue.polls_at != when:
            return
        queue.polls_at = None
        now = self.clock.now
        batch: list[QueuedMessage] = []
        for message in [m for m in queue.messages if m.visible_at <= now]:
            if len(batch) == queue.batch_size:
                break
            message.receives += 1
            if message.receives > queue.max_receives and queue.dead_letters:
                queue.messages.remove(message)
                self.enqueue(queue.dead_letters, message.body, attributes=message.attributes)
                continue
            message.visible_at = now + queue.visibility_s
            batch.append(message)
        if batch:
            self._feed(queue, batch)
        if queue.messages:
            self._poll_at(queue, max(now, min(m.visible_at for m in queue.messages)) + queue.window_s)

    def _feed(self, queue: Queue, batch: list[QueuedMessage]) -> None:
        assert queue.function
        self._rng.shuffle(batch)

        def answered(answer: dict[str, Any] | None) -> None:
            if answer is None:
                return
            failed = {f["itemIdentifier"] for f in answer.get("batchItemFailures", [])}
            for message in batch:
                if message.id not in failed and message in queue.messages:
                    queue.messages.remove(message)

        self.invoke(queue.function, {"Records": [_record(queue, m) for m in batch]}, answered)


def _record(queue: Queue, message: QueuedMessage) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": f"receipt-{message.id}-{message.receives}",
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.receives),
            "SentTimestamp": str(int(message.sent_at * 1000)),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.arn,
        "awsRegion": REGION,
    }


def matches_pattern(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return whether an EventBridge pattern of plain values matches `event`."""
    return all(
        matches_pattern(wanted, event.get(key) or {}) if isinstance(wanted, Mapping) else event.get(key) in wanted
        for key, wanted in pattern.items()
    )
