"""Messages to the interruption handler, in the form of an event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from steady.aws.runtime import Runtime


def send_message(runtime: Runtime, queue_url: str, detail_type: str, detail: Mapping[str, Any]) -> None:
    """Send `detail`, with the time of now, to the queue of the interruption handler.

    Raises:
        ClientError, BotoCoreError: if SQS does not take it.
    """
    dated = {**detail, "at": int(runtime.now())}
    body = json.dumps({"detail-type": detail_type, "source": "steady", "detail": dated})
    runtime.sqs.send_message(QueueUrl=queue_url, MessageBody=body)
