"""Lambda entry: write each task state change of an SQS batch to its S3 object.

A repeated or reordered batch writes the same objects.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from steady.aws import queue
from steady.aws.runtime import Runtime
from steady.metrics import MetricName
from task_status.status import Status, parse

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True, slots=True)
class Place:
    """The bucket and key prefix of the objects, and the queue of messages that cannot be parsed."""

    bucket: str
    prefix: str
    dead_letter_queue_url: str

    @staticmethod
    def read() -> Place:
        """Read the environment variables."""
        return Place(os.environ["STATUS_BUCKET"], os.environ["STATUS_PREFIX"], os.environ["DEAD_LETTER_QUEUE_URL"])


@cache
def runtime() -> Runtime:
    """Make the runtime of this process."""
    return Runtime()


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Handle Lambda's SQS event; return the messages that SQS delivers again."""
    return handle_batch(event, runtime(), Place.read())


def handle_batch(event: Mapping[str, Any], runtime: Runtime, place: Place) -> dict[str, Any]:
    """Write the objects of a batch; the messages of objects that could not be written are delivered again."""
    batch = queue.parse_batch(runtime, event, parse, place.dead_letter_queue_url)
    # Of several events for one object in a batch, the latest is written. Across batches any of them is good enough:
    # each says what the launcher waits for.
    statuses = sorted((m.value for m in batch.messages if m.value.name), key=lambda status: status.version)
    wanted = {status.key(place.prefix): status for status in statuses}
    client = runtime.s3

    def put(item: tuple[str, Status]) -> str:
        key, status = item
        try:
            client.put_object(Bucket=place.bucket, Key=key, Body=status.text.encode(), ContentType="application/json")
        except Exception as error:
            runtime.telemetry.error(
                f"s3://{place.bucket}/{key} could not be written; SQS delivers the message again: {error}", key=key
            )
            return key
        return ""

    failed = {key for key in runtime.in_parallel(put, list(wanted.items())) if key}
    runtime.telemetry.count(MetricName.TASK_STATUSES_WRITTEN, len(wanted) - len(failed))
    again = [m.id for m in batch.messages if m.value.name and m.value.key(place.prefix) in failed]
    return queue.batch_response([*batch.failed_ids, *again])
