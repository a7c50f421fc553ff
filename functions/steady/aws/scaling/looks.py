"""Book the autoscaler's later looks at a cluster, on its own queue."""

from __future__ import annotations

import json
import math

from steady.aws.runtime import Runtime

# SQS: the longest delay of a message.
LONGEST_DELAY_S = 900


def book_look(runtime: Runtime, queue_url: str, cluster: str, at: float, why: str = "something comes due") -> None:
    """Have the autoscaler look at `cluster` at the time `at`, in seconds since the epoch."""
    delay_s = max(0, min(LONGEST_DELAY_S, math.ceil(at - runtime.now())))
    runtime.sqs.send_message(
        QueueUrl=queue_url, MessageBody=json.dumps({"cluster": cluster, "why": why}), DelaySeconds=delay_s
    )
