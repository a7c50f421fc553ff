"""Do one step of the service-out of all instances that a batch of messages names, one cluster after another.

One cluster, instance or message that fails concerns no other: its messages are sent again, for as long as its instances
are there.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from interruption_handler import notices
from interruption_handler.again import send_again
from interruption_handler.chain import AT_ONCE_S, go_on, send
from interruption_handler.coming_back import end_marks, write_again
from interruption_handler.environment import Environment
from interruption_handler.joining import Joined, handed_over, join
from interruption_handler.notices import continuation
from interruption_handler.resolving import resolve
from interruption_handler.waking import wake_autoscaler
from interruption_handler.work import Message, Work, work_asked_for
from steady.aws import queue
from steady.aws.runtime import Runtime
from steady.aws.service_out import lease
from steady.aws.service_out.advance import STOP_REASON, Advance, advance
from steady.aws.service_out.crowd import Crowd, stop_crowd
from steady.aws.service_out.hook_answers import Heartbeats, work_with_heartbeats
from steady.aws.service_out.locate import locate_instances
from steady.aws.service_out.meanwhile import Leaving, deregister_meanwhile, stop_meanwhile
from steady.metrics import MetricName
from steady.service_out.doomed import Doomed
from steady.service_out.notice import Ignored
from steady.service_out.timing import are_to_be_gathered, next_heartbeat_in_s, round_end

# So many new notices at once may be the beginning of a reclaim that is too large for the rate of StopTask.
LARGE = 4


def handle_batch(event: Mapping[str, Any], runtime: Runtime, environment: Environment, until: float) -> dict[str, Any]:
    """Do one step for every instance that the messages name.

    Args:
        event: Lambda's SQS event.
        until: when no more task may be stopped in this step, in seconds since the epoch.

    Returns:
        Lambda's answer to SQS: the messages that SQS delivers again.
    """
    response = _handle(event, runtime, environment, until)
    # Last, with its import: other functions need to know the calls, but no notice waits for that.
    from steady.aws.api_budget.turn_ledger import charge

    charge(runtime, environment.ledger_table, runtime.report_calls())
    return response


def _handle(event: Mapping[str, Any], runtime: Runtime, environment: Environment, until: float) -> dict[str, Any]:
    batch = queue.parse_batch(runtime, event, notices.parse, environment.dead_letter_queue_url)
    for message in batch.messages:
        if isinstance(message.value, Ignored):
            runtime.telemetry.info(f"message {message.id} ignored: {message.value.why}")
            runtime.telemetry.count(MetricName.IGNORED_MESSAGES)
    messages, unresolved = resolve(runtime, batch.messages)
    located = locate_instances(runtime, [n for m in messages for n in notices.notices_in(m.value)])
    if located.failed:
        some = next(iter(located.failed.values()))
        runtime.telemetry.error(f"{len(located.failed)} instances could not be located, they are tried again: {some!r}")
        runtime.telemetry.count(MetricName.DRAIN_STEP_FAILURES)
    again = {m.id: m for m in messages if any(n.instance_id in located.failed for n in notices.notices_in(m.value))}
    again |= {m.id: m for m in unresolved}
    for work in work_asked_for(runtime, messages, located.doomed):
        # Any exception: whatever is wrong with one cluster, the others have their two minutes.
        try:
            _take_step(runtime, environment, work, until)
        except Exception as error:
            runtime.telemetry.error(
                f"cluster {work.cluster}: drain step for instances {_some(work.doomed())} failed, it is tried again: "
                f"{error!r}",
                cluster=work.cluster,
            )
            runtime.telemetry.count(MetricName.DRAIN_STEP_FAILURES, cluster=work.cluster)
            again.update((m.id, m) for m in work.messages)
    known = {d.instance_id: d for d in located.doomed}
    failed = [*send_again(runtime, environment.queue_url, again.values(), known), *batch.failed_ids]
    failed += write_again(runtime, messages)
    failed += end_marks(runtime, environment.autoscaler_queue_url, messages)
    return queue.batch_response(failed)


def _take_step(runtime: Runtime, environment: Environment, work: Work, until: float) -> None:
    """Do one step on a cluster, or hand its work over to the step that has the cluster's lease."""
    table, known = environment.ledger_table, work.doomed()
    if work.spare:
        _take_spare_step(runtime, environment, work, until)
        return
    copies, mail = [_same_for_copies(m) for m in work.messages], [continuation.encode(d) for d in known]
    waits_s = work.waits_s(runtime.now())
    held = lease.take(runtime, table, work.cluster, work.leases, copies, mail, waits_s)
    if isinstance(held, lease.HandedOver):
        return
    if isinstance(held, lease.Later):
        send(runtime, environment, work.cluster, known, work.due, lease.ASK_AGAIN_S, held.token)
        return
    _work_with(runtime, environment, work, held, until)


def _take_spare_step(runtime: Runtime, environment: Environment, work: Work, until: float) -> None:
    """Do the step of a spare continuation if that of its own continuation crashed, and ask again while it works."""
    [begun_by], [message] = work.leases, work.messages
    held = lease.take_over(runtime, environment.ledger_table, work.cluster, begun_by)
    if isinstance(held, lease.Later):
        runtime.sqs_once.send_message(
            QueueUrl=environment.queue_url, MessageBody=message.body, DelaySeconds=lease.SPARE_AGAIN_S
        )
    elif held:
        _work_with(runtime, environment, work, held, until)


def _work_with(runtime: Runtime, environment: Environment, work: Work, held: lease.Lease, until: float) -> None:
    """Do one step, and let no other wait for it if it fails."""
    try:
        _step_with(runtime, environment, work, held, until)
    except Exception:
        # What was handed over stays in the ledger, for the next step.
        lease.give_back(runtime, environment.ledger_table, work.cluster, held)
        raise


def _step_with(runtime: Runtime, environment: Environment, work: Work, held: lease.Lease, until: float) -> None:
    """Do one step on a cluster, then send the continuation for the work that is left.

    The continuation is sent last. After a crash before it SQS delivers the batch again, and every call before it can be
    repeated.
    """
    _ = runtime.ecs, runtime.sqs
    work = replace(work, handed_over=handed_over(runtime, work.cluster, held.mail))

    def do() -> tuple[tuple[Advance, lease.Lease], Heartbeats]:
        return work_with_heartbeats(
            runtime, work.doomed(), lambda: _work_on_instances(runtime, environment, work, held, until)
        )

    (done, joined), beats = lease.while_held(runtime, environment.ledger_table, work.cluster, held, do)
    runtime.telemetry.count(MetricName.DRAIN_STEP_FAILURES, bool(beats.failed), work.cluster)
    waiting = beats.applied_to(done.waiting)
    until_beat_s = AT_ONCE_S if beats.some_left else next_heartbeat_in_s(waiting, runtime.now())
    done = replace(done, waiting=waiting, next_in_s=math.floor(min(done.next_in_s, until_beat_s)))
    go_on(runtime, environment, work.cluster, done, joined)


def _work_on_instances(
    runtime: Runtime, environment: Environment, work: Work, held: lease.Lease, until: float
) -> tuple[Advance, lease.Lease]:
    """Do one step on a cluster; return what was done, and the lease with what was handed over meanwhile."""
    # Others may be handed over while these are drained: one of many notices.
    is_large = sum(not d.looked_at for d in work.doomed()) >= LARGE
    if work.leaving or is_large:
        # A session makes its clients in one thread only: before the calls side by side.
        _ = runtime.ecs, runtime.ecs_quick, runtime.ecs_once, runtime.elbv2, runtime.elbv2_once, runtime.ssm
        _ = runtime.sqs_once, runtime.ec2, runtime.ec2_once, runtime.autoscaling_once, runtime.dynamodb_once
    crowd = Crowd()

    def do(leaving: Leaving) -> tuple[Advance, lease.Lease]:
        return _work_while(runtime, environment, work, held, until, leaving, crowd)

    def do_beside(leaving: Leaving) -> tuple[Advance, lease.Lease]:
        stops = partial(stop_crowd, runtime, work.cluster, crowd, STOP_REASON, until)
        return runtime.work_beside(lambda: do(leaving), stops)[0]

    return deregister_meanwhile(runtime, work.leaving, until, do_beside if is_large else do)


def _work_while(
    runtime: Runtime,
    environment: Environment,
    work: Work,
    held: lease.Lease,
    until: float,
    leaving: Leaving,
    crowd: Crowd,
) -> tuple[Advance, lease.Lease]:
    def draw_together() -> Joined:
        return join(runtime, environment, work.cluster, work.doomed(), held, crowd)

    joined, early = stop_meanwhile(runtime, work.cluster, work.due, STOP_REASON, until, draw_together)
    due = [stop for stop in work.due if stop.arn not in early.arns]
    doomed = joined.doomed
    # Before anything that takes time. The autoscaler drains what it hears of: not those that are drained later.
    fresh = [d for d in joined.fresh() if not d.drain_from and not d.in_renewal]
    woken = not fresh or wake_autoscaler(runtime, environment.autoscaler_queue_url, work.cluster, fresh)
    if are_to_be_gathered(doomed, runtime.now()):
        waiting = (*doomed, *joined.unreadable)
        done = Advance(waiting, due=tuple(due), leaving=tuple(sorted(leaving.still())), next_in_s=AT_ONCE_S)
    else:
        end = min(until, round_end(doomed, runtime.now()))
        done = advance(runtime, work.cluster, doomed, due, end, joined.drained, leaving, crowd, latest=until)
        done = done.with_unreadable(joined.unreadable, runtime.now())
        _report_step(runtime, work.cluster, replace(done, stopped=done.stopped + len(early.arns)))
    if not woken:
        wake_autoscaler(runtime, environment.autoscaler_queue_url, work.cluster, fresh)
    return done, joined.held


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


def _same_for_copies(message: Message) -> str:
    """Return a text that is the same for each copy of `message`, also for one that was sent again."""
    return hashlib.sha256(message.body.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _some(doomed: Sequence[Doomed]) -> str:
    ids = ", ".join(d.instance_id for d in doomed[:3])
    return f"{ids} and {len(doomed) - 3} others" if len(doomed) > 3 else ids
