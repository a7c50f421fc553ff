"""Batches of SQS messages: each parsed by itself, those that cannot be handled set aside with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from steady.aws.runtime import Runtime
from steady.messages import Malformed
from steady.metrics import MetricName

Value = TypeVar("Value")

# SQS: a message attribute's value counts towards the message; a reason longer than this says nothing more.
REASON_MAX = 1000


@dataclass(frozen=True, slots=True)
class Message(Generic[Value]):
    """A message of a batch and what it was parsed to. `sent_at` is in seconds since the epoch."""

    id: str
    value: Value
    sent_at: float


@dataclass(frozen=True, slots=True)
class Batch(Generic[Value]):
    """The messages of a batch that could be parsed, and the ids of those that are to come again."""

    messages: tuple[Message[Value], ...]
    failed_ids: tuple[str, ...] = ()


def parse_batch(
    runtime: Runtime, event: Mapping[str, Any], parse: Callable[[str], Value], dead_letter_queue_url: str
) -> Batch[Value]:
    """Parses each record's body. One that is `Malformed` goes to the dead-letter queue at once, with the reason.

    It is not worth its retries: they would only be in the way of the good messages of its batch.
    """

    found: list[Message[Value]] = []
    failed: list[str] = []
    for record in event["Records"]:
        try:
            sent_at = int(record["attributes"]["SentTimestamp"]) / 1000
            found.append(Message(record["messageId"], parse(record["body"]), sent_at))
        except Malformed as error:
            failed += _set_aside(runtime, record, str(error), dead_letter_queue_url)
    return Batch(tuple(found), tuple(failed))


def _set_aside(runtime: Runtime, record: Mapping[str, Any], reason: str, dead_letter_queue_url: str) -> list[str]:
    """Sets `record` aside; returns its id if that failed, so that it comes again."""
    try:
        set_aside(runtime, record["body"], reason, dead_letter_queue_url)
    except (ClientError, BotoCoreError) as error:
        runtime.telemetry.error(f"a message could not be set aside, and will come again: {error}")
        return [record["messageId"]]
    return []


def set_aside(runtime: Runtime, body: str, reason: str, dead_letter_queue_url: str) -> None:
    """Sends a message that cannot be handled to the dead-letter queue, with the reason as its attribute `error`."""
    runtime.telemetry.error(f"message set aside: {reason}", body=body[:REASON_MAX])
    runtime.telemetry.count(MetricName.MESSAGES_SET_ASIDE)
    runtime.sqs.send_message(
        QueueUrl=dead_letter_queue_url,
        MessageBody=body,
        MessageAttributes={"error": {"DataType": "String", "StringValue": reason[:REASON_MAX]}},
    )


def batch_response(failed_ids: Iterable[str]) -> dict[str, Any]:
    """Lambda's answer to SQS: these messages come again, the others are done (ReportBatchItemFailures)."""
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in dict.fromkeys(failed_ids)]}
