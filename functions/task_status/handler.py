"""Lambda entry: an SQS batch of task state changes, each to its object. Twice, or out of order, is the same objects."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from steady.aws import queue
from steady.aws.runtime import Runtime
from steady.metrics import MetricName
from task_status.status import Status, parse

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True, slots=True)
class Place:
    """Where objects go, and what cannot be read."""

    bucket: str
    prefix: str
    dead_letter_queue_url: str

    @staticmethod
    def read() -> Place:
        return Place(os.environ["STATUS_BUCKET"], os.environ["STATUS_PREFIX"], os.environ["DEAD_LETTER_QUEUE_URL"])


@cache
def runtime() -> Runtime:
    return Runtime()


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    return handle_batch(event, runtime(), Place.read())


def handle_batch(event: Mapping[str, Any], runtime: Runtime, place: Place) -> dict[str, Any]:
    """Writes what the batch says; the messages of objects that could not be written come again."""
    batch = queue.parse_batch(runtime, event, parse, place.dead_letter_queue_url)
    # Of several events of one object, the latest; of those in two batches any will do: each says what is waited for.
    said = sorted((m.value for m in batch.messages if m.value.name), key=lambda status: status.version)
    wanted = {status.key(place.prefix): status for status in said}
    client = runtime.s3

    def put(item: tuple[str, Status]) -> str:
        key, status = item
        try:
            client.put_object(Bucket=place.bucket, Key=key, Body=status.text.encode(), ContentType="application/json")
        except (ClientError, BotoCoreError) as error:
            runtime.telemetry.error(f"the status of a task could not be written, and will be again: {error}", key=key)
            return key
        return ""

    failed = {key for key in runtime.in_parallel(put, list(wanted.items())) if key}
    runtime.telemetry.count(MetricName.TASK_STATUSES_WRITTEN, len(wanted) - len(failed))
    again = [m.id for m in batch.messages if m.value.name and m.value.key(place.prefix) in failed]
    return queue.batch_response([*batch.failed_ids, *again])
