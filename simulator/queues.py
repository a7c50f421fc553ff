"""SQS queues and their messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.clients import REGION
from simulator.endpoint import ACCOUNT_ID
from simulator.errors import AwsError
from simulator.lambdas import Function

# SQS: the bytes of the largest message that every queue takes; queues made since August 2025 take 1 MiB.
LARGEST_MESSAGE = 262_144
# SQS Developer Guide, "Message metadata": attributes of a message.
MOST_ATTRIBUTES = 10
# SQS API, SendMessage: the characters that a body, or an attribute, may have.
_TAKEN = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")


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
        max_concurrency: how many invocations of its event source mapping run at once; None: Lambda decides.
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
    max_concurrency: int | None = None

    @property
    def url(self) -> str:
        return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/{self.name}"

    @property
    def arn(self) -> str:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{self.name}"


def check_message(body: str, attributes: Mapping[str, Any]) -> None:
    """Refuse what SQS does not take as a message (SQS API, SendMessage and MessageAttributeValue).

    An attribute's name, type and value count for the size of its message (Developer Guide, "Message metadata").
    """
    if not body:
        raise AwsError("MissingParameter", "The request must contain the parameter MessageBody.")
    texts = {name: one.get("StringValue", "") for name, one in attributes.items()}
    if len(attributes) > MOST_ATTRIBUTES or not all(texts.values()):
        raise AwsError("InvalidParameterValue", f"{len(attributes)} attributes, or one of them without a value")
    if not all(_TAKEN.fullmatch(text) for text in (body, *texts.values())):
        raise AwsError("InvalidMessageContents", "Invalid characters were found in the message.")
    types = (one["DataType"] for one in attributes.values())
    size = sum(len(text.encode()) for text in (body, *texts, *texts.values(), *types))
    if size > LARGEST_MESSAGE:
        raise AwsError("InvalidParameterValue", f"One or more parameters are invalid: over {LARGEST_MESSAGE} bytes")


def record_of(queue: Queue, message: QueuedMessage) -> dict[str, Any]:
    """Return a message as Lambda gives it to the function."""
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
