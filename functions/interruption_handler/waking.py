"""Wake the autoscaler, so that it replaces instances that are about to go at once, and not at its next tick."""

from __future__ import annotations

import json
from collections.abc import Sequence

from steady.aws.runtime import Runtime
from steady.service_out.doomed import Doomed


def wake_autoscaler(runtime: Runtime, queue_url: str, cluster: str, doomed: Sequence[Doomed]) -> bool:
    """Tell the autoscaler which instances go; return whether it was told. If it was not, its next tick sees them."""
    instances = [d.instance_id for d in doomed]
    body = json.dumps({"cluster": cluster, "why": "interruption", "instances": instances})
    try:
        runtime.sqs_once.send_message(QueueUrl=queue_url, MessageBody=body)
    except Exception as error:
        runtime.telemetry.error(f"cluster {cluster}: the autoscaler was not woken: {error}", cluster=cluster)
        return False
    return True
