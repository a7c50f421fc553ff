"""EventBridge, SNS and SQS, with Lambda's event source mappings. Messages arrive at least once and out of order.

Queues have visibility timeouts and dead-letter queues.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import md5
from typing import Any

from simulator.clients import REGION
from simulator.clock import Clock
from simulator.durations import drawn
from simulator.endpoint import ACCOUNT_ID, Params
from simulator.errors import AwsError, NotSimulated
from simulator.lambdas import Function, Lambda, Then
from simulator.pollers import Pollers
from simulator.queues import LARGEST_MESSAGE, Queue, QueuedMessage, check_message, record_of
from simulator.timing import DEFAULT, Timing

# EventBridge API, PutEvents: "the total entry size must be less than 1MB".
LARGEST_ENTRIES = 1_048_576
# Without a tail, a delivery takes from 0.4 to 1.6 of the mean.
DELIVERY_SPREAD = (0.4, 1.6)


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
        put: the events that PutEvents sent.

    Args:
        duplicates: the fraction of messages that are delivered twice.
        timing: the pollers of each queue, and how long a delivery and a cold start take.
    """

    def __init__(self, clock: Clock, rng: random.Random, duplicates: float = 0.01, timing: Timing = DEFAULT) -> None:
        self.clock = clock
        self.duplicates = duplicates
        self.lambdas = Lambda(clock, timing.cold_start_s)
        self.queues: dict[str, Queue] = {}
        self.rules: list[Rule] = []
        self.subscriptions: dict[str, list[Queue]] = {}
        self.published: list[tuple[str, str]] = []
        self.put: list[dict[str, Any]] = []
        self._rng = rng
        # EventBridge, SNS and SQS together.
        self._delivery_takes_s = drawn(timing.event_s, timing.event_tail, DELIVERY_SPREAD, rng)
        self._pollers: dict[Queue, Pollers] = {}
        self._pollers_of_a_queue = timing.pollers
        self._scales_pollers = timing.scales_pollers
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

    def put_events_call(self, params: Params) -> dict[str, Any]:
        """Answer EventBridge's action PutEvents, on the default bus (EventBridge API: ten entries a call)."""
        if not 1 <= len(params["Entries"]) <= 10:
            raise AwsError("ValidationException", f"{len(params['Entries'])} entries: 1 to 10 are needed")
        if sum(len("".join(map(str, entry.values())).encode()) for entry in params["Entries"]) >= LARGEST_ENTRIES:
            raise AwsError("ValidationException", "Total size of the entries in the request is over the limit.")
        answers = [self._put_entry(entry) for entry in params["Entries"]]
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}

    def _put_entry(self, entry: dict[str, str]) -> dict[str, str]:
        """Put one event. EventBridge API, PutEventsResultEntry: one that it does not take fails by itself."""
        if absent := [name for name in ("Source", "DetailType", "Detail") if not entry.get(name)]:
            text = f"Parameter {absent[0]} is not valid. Reason: {absent[0]} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": text}
        if entry["Source"].startswith("aws."):
            text = "Not authorized for the source."
            return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": text}
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            detail = None
        if not isinstance(detail, dict):
            return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
        event = {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": detail}
        self.put.append(event)
        self.put_event(event)
        return {"EventId": f"event-{next(self._ids)}"}

    def publish(self, topic: str, message: str) -> None:
        """Send a message to an SNS topic. Its queues get it in SNS's envelope."""
        envelope = {"Type": "Notification", "MessageId": f"sns-{next(self._ids)}", "Message": message}
        for queue in self.subscriptions.get(topic, []):
            self.deliver(queue, json.dumps(envelope))

    def publish_call(self, params: Params) -> dict[str, Any]:
        """Answer SNS's action Publish, which names the topic by its ARN.

        SNS API: a subject "must be less than 100 characters long" (one of 100 is taken), without line breaks.
        """
        subject = params.get("Subject", "-")
        if not 1 <= len(subject) <= 100 or not subject.isprintable():
            raise AwsError("InvalidParameter", "Invalid parameter: Subject")
        if not 1 <= len(params["Message"].encode()) <= LARGEST_MESSAGE:
            # SNS API: "a message can be at most 256 KiB in size (262,144 bytes, not 262,144 characters)".
            raise AwsError("InvalidParameter", "Invalid parameter: Message")
        topic = params["TopicArn"].rsplit(":", 1)[-1]
        if topic not in self.subscriptions:
            raise AwsError("NotFound", "Topic does not exist", 404)
        self.published.append((params["TopicArn"], params["Message"]))
        self.publish(topic, params["Message"])
        return {"MessageId": f"sns-{next(self._ids)}"}

    def deliver(self, queue: Queue, body: str) -> None:
        """Deliver a message to `queue` at least once. Each copy takes its own time."""
        copies = 2 if self._rng.random() < self.duplicates else 1
        for _ in range(copies):
            self.clock.after(self._delivery_takes_s(), lambda: self.enqueue(queue, body))

    def enqueue(
        self,
        queue: Queue,
        body: str,
        delay_s: float = 0.0,
        attributes: Mapping[str, Any] | None = None,
        id_: str = "",
    ) -> QueuedMessage:
        """Put a message into `queue` at once. It becomes visible after `delay_s` seconds.

        Args:
            id_: the id of the message that it is a copy of; "": it is none.
        """
        now = self.clock.now
        message = QueuedMessage(id_ or f"message-{next(self._ids)}", body, now, now + delay_s, attributes or {})
        queue.messages.append(message)
        if self._pollers_of_a_queue is None:
            self._poll_at(queue, message.visible_at + queue.window_s)
        elif queue.function:
            self._pollers_of(queue, self._pollers_of_a_queue).expect(message)
        return message

    def send_message(self, params: Params) -> dict[str, Any]:
        """Answer SQS's action SendMessage."""
        queue = self.queues.get(params["QueueUrl"])
        if queue is None:
            raise AwsError("AWS.SimpleQueueService.NonExistentQueue", f"no queue {params['QueueUrl']}")
        delay_s = params.get("DelaySeconds", 0)
        if not 0 <= delay_s <= 900:
            raise AwsError("InvalidParameterValue", f"DelaySeconds is {delay_s}: 0 to 900 is needed")
        check_message(params["MessageBody"], params.get("MessageAttributes", {}))
        comes_twice = self._rng.random() < self.duplicates
        message = self.enqueue(queue, params["MessageBody"], delay_s, params.get("MessageAttributes"))
        if comes_twice:
            # SQS Developer Guide, "At-least-once delivery": "you might get that message copy again".
            self.enqueue(queue, params["MessageBody"], delay_s, params.get("MessageAttributes"), message.id)
        return {
            "MessageId": message.id,
            "MD5OfMessageBody": md5(params["MessageBody"].encode(), usedforsecurity=False).hexdigest(),
        }

    def invoke(self, function: Function, event: dict[str, Any], then: Then) -> None:
        """Invoke `function` in its own process. `then` gets its answer, or None if it failed or reached its timeout."""
        self.lambdas.invoke(function, event, then)

    def invoke_async(self, function: Function, event: dict[str, Any], on_failure: Queue) -> None:
        """Invoke `function` as EventBridge Scheduler does, without retries. Its failures go to the queue `on_failure`.

        Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations".
        """
        id_ = f"{function.name}-async-{next(self._ids)}"

        def ended(answer: dict[str, Any] | None) -> None:
            if answer is None:
                record = {
                    "version": "1.0",
                    "requestContext": {"requestId": id_, "condition": "RetriesExhausted", "approximateInvokeCount": 1},
                    "requestPayload": event,
                    "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
                }
                self.deliver(on_failure, json.dumps(record))

        self.lambdas.invoke(function, event, ended, id_)

    def _pollers_of(self, queue: Queue, count: int) -> Pollers:
        if queue not in self._pollers:
            self._pollers[queue] = Pollers(
                queue, count, self.clock, self._rng, self._receive, self._feed, scales=self._scales_pollers
            )
        return self._pollers[queue]

    def _receive(self, queue: Queue, message: QueuedMessage) -> bool:
        """Receive a message, which hides it. Return False if it goes to the dead-letter queue instead."""
        message.receives += 1
        if message.receives > queue.max_receives and queue.dead_letters:
            queue.messages.remove(message)
            self.enqueue(queue.dead_letters, message.body, attributes=message.attributes)
            return False
        message.visible_at = self.clock.now + queue.visibility_s
        return True

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
            if self._receive(queue, message):
                batch.append(message)
        if batch:
            self._feed(queue, batch, lambda: None)
        if queue.messages:
            self._poll_at(queue, max(now, min(m.visible_at for m in queue.messages)) + queue.window_s)

    def _feed(self, queue: Queue, batch: list[QueuedMessage], then: Callable[[], object]) -> None:
        """Invoke the queue's function with a batch, and call `then` once the invocation has ended."""
        assert queue.function
        self._rng.shuffle(batch)

        def answered(answer: dict[str, Any] | None) -> None:
            if answer is not None:
                failed = {f.get("itemIdentifier") for f in answer.get("batchItemFailures", [])}
                # Lambda guide, "Success and failure conditions": such an identifier fails the whole batch.
                for message in [] if failed & {"", None} else batch:
                    if message.id not in failed and message in queue.messages:
                        queue.messages.remove(message)
            then()

        self.invoke(queue.function, {"Records": [record_of(queue, m) for m in batch]}, answered)


def matches_pattern(pattern: Mapping[str, Any], event: Any) -> bool:
    """Return whether an EventBridge pattern of plain values, prefixes and `exists` matches `event`.

    EventBridge User Guide, "Arrays in event patterns": an array matches if one of its elements does.
    """
    if isinstance(event, list):
        return any(matches_pattern(pattern, one) for one in event)
    return isinstance(event, Mapping) and all(
        matches_pattern(wanted, event.get(key) or {})
        if isinstance(wanted, Mapping)
        else any(_matches_one(one, event.get(key)) for one in wanted)
        for key, wanted in pattern.items()
    )


def _matches_one(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Mapping):
        [(kind, of)] = wanted.items()
        if kind == "exists":
            return (value is not None) is of
        if kind != "prefix":
            raise NotSimulated(f"an event pattern with {kind}")
        return isinstance(value, str) and value.startswith(of)
    return bool(value == wanted)
