"""Do one step of the service-out of all instances that a batch of messages names, one cluster after another."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from interruption_handler import notices
from interruption_handler.coming_back import end_marks, mark, write_again
from interruption_handler.notices import Parsed, continuation
from interruption_handler.notices.continuation import Continuation
from interruption_handler.reservations import resolve
from steady.aws import queue
from steady.aws.runtime import Runtime
from steady.aws.service_out.advance import Advance, advance, drain_instances
from steady.aws.service_out.locate import Located, NoThresholds, by_cluster, locate_instances
from steady.aws.settings import clusters
from steady.cluster import ContainerInstance
from steady.metrics import MetricName
from steady.service_out.drain import Doomed
from steady.service_out.marking import marks_of
from steady.service_out.notice import Ignored, Notice
from steady.service_out.timing import are_to_be_gathered, delay_to_sync, round_end

Messages = Sequence[queue.Message[Parsed]]


@dataclass(frozen=True, slots=True)
class Environment:
    """The queues and the table that the function writes to, from its environment variables."""

    queue_url: str
    dead_letter_queue_url: str
    autoscaler_queue_url: str
    ledger_table: str

    @staticmethod
    def read() -> Environment:
        """Read the environment variables."""
        names = ("QUEUE_URL", "DEAD_LETTER_QUEUE_URL", "AUTOSCALER_QUEUE_URL", "LEDGER_TABLE")
        return Environment(*(os.environ[name] for name in names))


@dataclass(frozen=True, slots=True)
class Work:
    """The work on one cluster that a batch of messages asks for.

    Attributes:
        doomed: the instances to take out of service.
        new: those of `doomed` that a notice of this batch names.
        notices: the batch's notices.
        due: ARNs of tasks that only wait for their turn to be stopped.
        described: container instances that were read while the batch's instances were located, in any cluster.
    """

    cluster: str
    doomed: Sequence[Doomed]
    new: Sequence[Doomed]
    notices: Sequence[Notice]
    due: Sequence[str]
    described: Sequence[ContainerInstance]


def handle_batch(event: Mapping[str, Any], runtime: Runtime, environment: Environment, until: float) -> dict[str, Any]:
    """Do one step for every instance that the messages name.

    Args:
        event: Lambda's SQS event.
        until: when no more task may be stopped in this step, in seconds since the epoch.

    Returns:
        Lambda's answer to SQS: the messages of clusters whose step failed are delivered again.
    """
    response = _handle(event, runtime, environment, until)
    # Last, with its import: other functions need to know the calls, but no notice waits for that.
    from steady.aws.api_budget.turn_ledger import charge

    charge(runtime, environment.ledger_table, runtime.report_calls())
    return response


def _handle(event: Mapping[str, Any], runtime: Runtime, environment: Environment, until: float) -> dict[str, Any]:
    batch = queue.parse_batch(runtime, event, notices.parse, environment.dead_letter_queue_url)
    failed = list(batch.failed_ids)
    resolved, unresolved = resolve(runtime, batch.messages)
    failed += unresolved
    messages = [replace(m, value=_managed_only(runtime, m.value)) for m in resolved]
    for message in messages:
        if isinstance(message.value, Ignored):
            runtime.telemetry.info(f"message {message.id} ignored: {message.value.why}")
            runtime.telemetry.count(MetricName.IGNORED_MESSAGES)
    try:
        located = locate_instances(runtime, _noticed(messages), _continued(messages))
    except (ClientError, BotoCoreError, NoThresholds) as error:
        runtime.telemetry.error(
            f"the clusters of {len(_noticed(messages))} notices could not be read; SQS delivers all {len(messages)} "
            f"messages again: {error}"
        )
        return queue.batch_response([m.id for m in messages] + failed)
    for work in _work(messages, located):
        try:
            _take_step(runtime, environment, work, until)
        except (ClientError, BotoCoreError) as error:
            runtime.telemetry.error(
                f"cluster {work.cluster}: drain step for {len(work.doomed)} instances failed; it is repeated "
                f"when SQS delivers the messages again: {error}",
                cluster=work.cluster,
            )
            runtime.telemetry.count(MetricName.DRAIN_STEP_FAILURES, cluster=work.cluster)
            failed += _ids_of(messages, work)
    failed += write_again(runtime, messages)
    failed += end_marks(runtime, environment.autoscaler_queue_url, messages)
    return queue.batch_response(failed)


def _work(messages: Messages, located: Located) -> list[Work]:
    """Group the work that a batch asks for by cluster."""
    noticed = {notice.instance_id for notice in _noticed(messages)}
    doomed, due = by_cluster(located.doomed), _due(messages)
    return [
        Work(
            cluster,
            doomed=(here := doomed.get(cluster, [])),
            new=[d for d in here if d.instance_id in noticed],
            notices=_noticed(messages),
            due=due.get(cluster, ()),
            described=located.instances,
        )
        for cluster in sorted({*doomed, *due})
    ]


def _take_step(runtime: Runtime, environment: Environment, work: Work, until: float) -> None:
    """Do one step on a cluster, then send the continuations for the work that is left.

    The continuations are sent last. After a crash before them SQS delivers the batch again, and every call before them
    can be repeated.
    """
    drained: Sequence[ContainerInstance] = ()
    if work.new:
        # Before the drain: after a crash between the two, the next try still knows whose drain it is.
        mark(runtime, environment.queue_url, work.cluster, marks_of(work.notices, work.new, work.described))
        # Before anything that takes time: from now on ECS places no more tasks on them.
        drained = drain_instances(runtime, work.cluster, work.new, work.described)
        _wake_autoscaler(runtime, environment, work)
    if are_to_be_gathered(work.doomed, runtime.now()):
        done = Advance(tuple(work.doomed), due=tuple(work.due), next_in_s=1)
    else:
        end = min(until, round_end(runtime.now()))
        done = advance(runtime, work.cluster, work.doomed, work.due, end, drained)
    delay_s = 1 if done.due else delay_to_sync(runtime.now(), done.next_in_s)
    for body in continuation.messages(work.cluster, done.waiting, done.due):
        runtime.sqs.send_message(QueueUrl=environment.queue_url, MessageBody=body, DelaySeconds=delay_s)
    _report_step(runtime, work.cluster, done)


def _managed_only(runtime: Runtime, value: Parsed) -> Parsed:
    """Remove from a continuation the clusters that are not managed, or not any more."""
    if not isinstance(value, Continuation):
        return value
    ours = {cluster: _is_ours(runtime, cluster) for cluster in {*value.due, *(d.cluster for d in value.doomed)}}
    return Continuation(
        tuple(d for d in value.doomed if ours[d.cluster]),
        {cluster: arns for cluster, arns in value.due.items() if ours[cluster]},
    )


def _is_ours(runtime: Runtime, cluster: str) -> bool:
    try:
        return clusters.is_managed(runtime, cluster)
    except (ClientError, BotoCoreError):
        # While SSM does not answer, a service-out that has begun goes on.
        return True


def _report_step(runtime: Runtime, cluster: str, done: Advance) -> None:
    runtime.telemetry.info(
        f"cluster {cluster}: drain step: {done.deregistered} targets deregistered, {done.stopped} tasks stopped, "
        f"{len(done.due)} tasks due next, {len(done.finished)} instances finished, {len(done.waiting)} waiting",
        cluster=cluster,
        drained=[d.instance_id for d in (*done.finished, *done.waiting)],
        deregistered=done.deregistered,
        stopped=done.stopped,
        due=len(done.due),
        finished=[d.instance_id for d in done.finished],
        waiting=[d.instance_id for d in done.waiting],
    )
    runtime.telemetry.count(MetricName.TARGETS_DEREGISTERED, done.deregistered, cluster)
    # A refusal does not end the step, but people must hear of it.
    runtime.telemetry.count(MetricName.DRAIN_STEP_FAILURES, bool(done.refused), cluster)
    runtime.telemetry.count(MetricName.TASKS_STOPPED, done.stopped, cluster)
    runtime.telemetry.count(MetricName.TASKS_KILLED, done.killed, cluster)
    if done.deregistered_after_s is not None:
        runtime.telemetry.seconds(MetricName.DEREGISTERED_AFTER, done.deregistered_after_s, cluster)


def _noticed(messages: Messages) -> list[Notice]:
    """Return the notices of the batch: they name their instances for the first time."""
    return [one for m in messages if isinstance(m.value, tuple) for one in m.value if isinstance(one, Notice)]


def _continued(messages: Messages) -> list[Doomed]:
    """Return the instances that earlier steps have not finished."""
    return [doomed for m in messages if isinstance(m.value, Continuation) for doomed in m.value.doomed]


def _due(messages: Messages) -> dict[str, list[str]]:
    """Return the tasks (ARNs) that only wait for their turn to be stopped, by cluster, each once."""
    found: dict[str, dict[str, None]] = {}
    for message in messages:
        if isinstance(message.value, Continuation):
            for cluster, arns in message.value.due.items():
                found.setdefault(cluster, {}).update(dict.fromkeys(arns))
    return {cluster: list(arns) for cluster, arns in found.items()}


def _ids_of(messages: Messages, work: Work) -> list[str]:
    """Return the ids of the messages that name any of the work's instances, or tasks of its cluster."""
    ids = {d.instance_id for d in work.doomed}

    def names(value: Parsed) -> bool:
        if isinstance(value, Continuation):
            return work.cluster in value.due or any(d.instance_id in ids for d in value.doomed)
        return isinstance(value, tuple) and any(notice.instance_id in ids for notice in value)

    return [m.id for m in messages if names(m.value)]


def _wake_autoscaler(runtime: Runtime, environment: Environment, work: Work) -> None:
    instances = [d.instance_id for d in work.new]
    body = json.dumps({"cluster": work.cluster, "why": "interruption", "instances": instances})
    runtime.sqs.send_message(QueueUrl=environment.autoscaler_queue_url, MessageBody=body)
