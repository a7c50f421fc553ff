"""Parse batches of SQS messages one by one, and set aside those that cannot be handled, with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from steady.aws.runtime import Runtime
from steady.messages import Malformed
from steady.metrics import MetricName

Value = TypeVar("Value")

# Characters of a reason. SQS: an attribute's value counts towards the size of its message.
REASON_MAX = 1000
# SQS API, SendMessage: a body has "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF". The
# same holds for attributes (SQS Developer Guide, "Message metadata").
_NOT_TAKEN = re.compile("[^\\t\\n\\r\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Message(Generic[Value]):
    """A message of a batch, its body, and the value that it was parsed to. `sent_at` is in seconds since the epoch."""

    id: str
    value: Value
    sent_at: float
    body: str = ""


@dataclass(frozen=True, slots=True)
class Batch(Generic[Value]):
    """The messages of a batch that were parsed, and the ids of those that SQS delivers again."""

    messages: tuple[Message[Value], ...]
    failed_ids: tuple[str, ...] = ()


def parse_batch(
    runtime: Runtime, event: Mapping[str, Any], parse: Callable[[str], Value], dead_letter_queue_url: str
) -> Batch[Value]:
    """Parse the body of each record. A message that is `Malformed` goes to the dead-letter queue at once.

    It is not tried again: that would only delay the good messages of its batch.
    """
    found: list[Message[Value]] = []
    failed: list[str] = []
    for record in event["Records"]:
        try:
            sent_at = int(record["attributes"]["SentTimestamp"]) / 1000
            found.append(Message(record["messageId"], parse(record["body"]), sent_at, record["body"]))
        except Malformed as error:
            failed += _set_aside(runtime, record, str(error), dead_letter_queue_url)
        except Exception as error:
            # Valid JSON can hold anything: what no parser has thought of is set aside, too, and ends no batch.
            failed += _set_aside(runtime, record, f"unforeseen content: {error!r}", dead_letter_queue_url)
    return Batch(tuple(found), tuple(failed))


def _set_aside(runtime: Runtime, record: Mapping[str, Any], reason: str, dead_letter_queue_url: str) -> list[str]:
    """Set `record` aside; return its id if that failed, so that SQS delivers it again."""
    try:
        set_aside(runtime, record["body"], reason, dead_letter_queue_url)
    except Exception as error:
        runtime.telemetry.error(
            f"message {record['messageId']} could not be sent to the dead-letter queue; SQS delivers it again: {error}"
        )
        return [record["messageId"]]
    return []


def set_aside(runtime: Runtime, body: str, reason: str, dead_letter_queue_url: str) -> None:
    """Send a message that cannot be handled to the dead-letter queue, with the reason as its attribute `error`."""
    runtime.telemetry.error(f"message sent to the dead-letter queue, not handled: {reason}", body=body[:REASON_MAX])
    runtime.telemetry.count(MetricName.MESSAGES_SET_ASIDE)
    runtime.sqs.send_message(
        QueueUrl=dead_letter_queue_url,
        MessageBody=_sendable(body),
        MessageAttributes={"error": {"DataType": "String", "StringValue": _sendable(reason)[:REASON_MAX]}},
    )


def _sendable(text: str) -> str:
    """Return `text` with escapes for what SQS does not take, although JSON may hold it; it takes no empty text either.

    >>> _sendable("cluster we\\0b"), _sendable("")
    ('cluster we\\\\x00b', '(empty)')
    """
    return _NOT_TAKEN.sub(lambda found: found.group().encode("unicode_escape").decode(), text) or "(empty)"


def batch_response(failed_ids: Iterable[str]) -> dict[str, Any]:
    """Return Lambda's answer to SQS (ReportBatchItemFailures): it delivers these again, the others are done."""
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in dict.fromkeys(failed_ids)]}
