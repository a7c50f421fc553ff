"""End the drain marks of instances that stay after all, and have the autoscaler decide about them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from interruption_handler.notices import Parsed
from steady.aws.capacity.origins import origins_of
from steady.aws.ecs.container_instances import find_instances
from steady.aws.ecs.drain_marks import write_marks
from steady.aws.queue import Message
from steady.aws.runtime import Runtime
from steady.aws.settings import clusters
from steady.service_out.marking import marks_over
from steady.service_out.notice import Over


def end_marks(runtime: Runtime, autoscaler_queue_url: str, messages: Sequence[Message[Parsed]]) -> list[str]:
    """End the marks that the messages are about; return the ids of the messages whose cluster failed.

    Most of these messages are about instances that were just launched: they have not registered, and nothing is done.
    """
    failed: list[str] = []
    try:
        by_cluster = _by_cluster(runtime, _overs(messages))
    except (ClientError, BotoCoreError) as error:
        runtime.telemetry.error(f"the clusters of instances that stay could not be read; SQS repeats them: {error}")
        return [m.id for m in messages if _overs([m])]
    for cluster, overs in sorted(by_cluster.items()):
        try:
            _end_in(runtime, autoscaler_queue_url, cluster, overs)
        except (ClientError, BotoCoreError) as error:
            runtime.telemetry.error(
                f"cluster {cluster}: the drain marks of {len(overs)} instances that stay could not be ended; it is "
                f"repeated when SQS delivers the messages again: {error}",
                cluster=cluster,
            )
            ids = {over.instance_id for over in overs}
            failed += [m.id for m in messages if any(over.instance_id in ids for over in _overs([m]))]
    return failed


def _end_in(runtime: Runtime, autoscaler_queue_url: str, cluster: str, overs: Sequence[Over]) -> None:
    described = find_instances(runtime, cluster, (over.instance_id for over in overs))
    marks = marks_over(overs, described, runtime.now())
    if not marks:
        return
    write_marks(runtime, cluster, marks)
    runtime.telemetry.info(
        f"cluster {cluster}: the reason to drain has passed for {len(marks)} instances; the autoscaler decides",
        cluster=cluster,
    )
    body = json.dumps({"cluster": cluster, "why": "the reason to drain has passed"})
    runtime.sqs.send_message(QueueUrl=autoscaler_queue_url, MessageBody=body)


def _overs(messages: Iterable[Message[Parsed]]) -> list[Over]:
    return [one for m in messages if isinstance(m.value, tuple) for one in m.value if isinstance(one, Over)]


def _by_cluster(runtime: Runtime, overs: Sequence[Over]) -> dict[str, list[Over]]:
    origins = origins_of(runtime, (over.instance_id for over in overs))
    found: dict[str, list[Over]] = {}
    for over in overs:
        origin = origins.get(over.instance_id)
        if cluster := clusters.find_cluster(runtime, origin) if origin else None:
            found.setdefault(cluster, []).append(over)
    return found
