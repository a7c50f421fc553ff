"""Write the drain marks of instances that may stay after all; end them, and have the autoscaler decide."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from interruption_handler.notices import Parsed, overs_in, unwritten
from interruption_handler.notices.unwritten import Unwritten
from steady.aws.capacity.origins import origins_of
from steady.aws.ecs.container_instances import describe_instances, find_instances
from steady.aws.ecs.drain_marks import write_marks
from steady.aws.queue import Message
from steady.aws.runtime import Runtime
from steady.aws.settings import clusters
from steady.cluster import InstanceStatus
from steady.drain_mark import DrainMark
from steady.service_out.marking import marks_over
from steady.service_out.notice import Over

# Seconds until marks that ECS did not take are written again.
WRITTEN_AGAIN_AFTER_S = 30


def mark(runtime: Runtime, queue_url: str, cluster: str, wanted: Mapping[str, DrainMark]) -> None:
    """Write the drain marks of instances that are about to be drained: the drain fails and waits for none of it.

    Marks that ECS does not take go into a message to the function's own queue.
    """
    if not wanted:
        return
    try:
        write_marks(runtime, cluster, wanted, once=True)
    # Any exception: an instance without a mark is better than one that is not drained.
    except Exception as error:
        runtime.telemetry.warning(
            f"cluster {cluster}: the drain marks of {len(wanted)} instances are written again in "
            f"{WRITTEN_AGAIN_AFTER_S} s; the instances are drained meanwhile: {error!r}",
            cluster=cluster,
        )
        _send_later(runtime, queue_url, cluster, wanted)


def write_again(runtime: Runtime, messages: Sequence[Message[Parsed]]) -> list[str]:
    """Write the marks that ECS did not take at first; return the ids of the messages that failed again."""
    failed: list[str] = []
    for message in messages:
        value = message.value
        if not isinstance(value, Unwritten):
            continue
        try:
            if not clusters.is_managed(runtime, value.cluster):
                continue
            described = describe_instances(runtime, value.cluster, value.marks)
            # What has been marked since then, or is ACTIVE again, needs none.
            draining = [i.arn for i in described if i.status is InstanceStatus.DRAINING and i.drain_mark is None]
            write_marks(
                runtime, value.cluster, {arn: value.marks[arn] for arn in draining if arn in value.marks}, once=True
            )
        except Exception as error:
            runtime.telemetry.error(
                f"cluster {value.cluster}: {len(value.marks)} drain marks could not be written; it is repeated when "
                f"SQS delivers them again: {error}",
                cluster=value.cluster,
            )
            failed.append(message.id)
    return failed


def end_marks(runtime: Runtime, autoscaler_queue_url: str, messages: Sequence[Message[Parsed]]) -> list[str]:
    """End the marks that the messages are about; return the ids of the messages whose cluster failed.

    Most of these messages are about instances that were just launched: they have not registered, and nothing is done.
    """
    failed: list[str] = []
    try:
        by_cluster = _by_cluster(runtime, _overs(messages))
    except Exception as error:
        runtime.telemetry.error(f"the clusters of instances that stay could not be read; SQS repeats them: {error}")
        return [m.id for m in messages if _overs([m])]
    for cluster, overs in sorted(by_cluster.items()):
        try:
            _end_in(runtime, autoscaler_queue_url, cluster, overs)
        except Exception as error:
            runtime.telemetry.error(
                f"cluster {cluster}: the drain marks of {len(overs)} instances that stay could not be ended; it is "
                f"repeated when SQS delivers the messages again: {error}",
                cluster=cluster,
            )
            ids = {over.instance_id for over in overs}
            failed += [m.id for m in messages if any(over.instance_id in ids for over in _overs([m]))]
    return failed


def _send_later(runtime: Runtime, queue_url: str, cluster: str, marks: Mapping[str, DrainMark]) -> None:
    try:
        for body in unwritten.messages(cluster, marks):
            runtime.sqs_once.send_message(QueueUrl=queue_url, MessageBody=body, DelaySeconds=WRITTEN_AGAIN_AFTER_S)
    except Exception as error:
        runtime.telemetry.error(
            f"cluster {cluster}: {len(marks)} instances carry no drain mark: if their notice comes to nothing, they "
            f"stay DRAINING (steady drain --cancel takes them back): {error!r}",
            cluster=cluster,
            container_instances=sorted(marks),
        )


def _end_in(runtime: Runtime, autoscaler_queue_url: str, cluster: str, overs: Sequence[Over]) -> None:
    described = find_instances(runtime, cluster, (over.instance_id for over in overs))
    marks = marks_over(overs, described.instances, runtime.now())
    if not marks:
        return
    write_marks(runtime, cluster, marks, once=True)
    runtime.telemetry.info(
        f"cluster {cluster}: the reason to drain has passed for {len(marks)} instances; the autoscaler decides",
        cluster=cluster,
    )
    body = json.dumps({"cluster": cluster, "why": "the reason to drain has passed"})
    runtime.sqs.send_message(QueueUrl=autoscaler_queue_url, MessageBody=body)


def _overs(messages: Iterable[Message[Parsed]]) -> list[Over]:
    return [over for m in messages for over in overs_in(m.value)]


def _by_cluster(runtime: Runtime, overs: Sequence[Over]) -> dict[str, list[Over]]:
    origins = origins_of(runtime, (over.instance_id for over in overs))
    found: dict[str, list[Over]] = {}
    for over in overs:
        origin = origins.get(over.instance_id)
        for cluster in clusters.find_clusters(runtime, origin) if origin else ():
            found.setdefault(cluster, []).append(over)
    return found
