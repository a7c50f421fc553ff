"""Go on with a cluster's chain of steps: the continuation for the work that a step has left, or the chain's end."""

from __future__ import annotations

from collections.abc import Sequence

from interruption_handler.environment import Environment
from interruption_handler.joining import handed_over
from interruption_handler.notices import continuation
from steady.aws.runtime import Runtime
from steady.aws.service_out import lease
from steady.aws.service_out.advance import Advance
from steady.service_out.doomed import Doomed, Target
from steady.service_out.stops import SPARE_LATER_S, Stop, are_pressing

# Seconds until a continuation comes that has nothing to wait for: the queue's batching window is time enough.
AT_ONCE_S = 0


def go_on(runtime: Runtime, environment: Environment, cluster: str, done: Advance, held: lease.Lease) -> None:
    """Send the continuation for the work that a step has left, or end its chain.

    The lease rests after that: a step that crashes before has nothing that somebody waits for.
    """
    table = environment.ledger_table
    if done.waiting or done.due:
        now = runtime.now()
        delay_s = max(AT_ONCE_S, int(done.continues_in_s(now)))
        send(runtime, environment, cluster, done.waiting, done.due, delay_s, held.tokens, done.leaving)
        keeps_targets = any(one.held and not one.is_patient for one in done.waiting)
        if keeps_targets or are_pressing(done.due, now + delay_s):
            _send_spare(runtime, environment, cluster, done, delay_s, held.token)
        late = lease.rest(runtime, table, cluster, held, delay_s)
    else:
        ended = lease.end(runtime, table, cluster, held)
        if ended is None and (held.is_certain or done.finished):
            # Until it ends by itself, others hand over to this chain: a step without work of its own looks for that.
            send(runtime, environment, cluster, (), (), lease.ASK_AGAIN_S, held.token)
        late = ended or ()
    if late:
        # What was handed over meanwhile does not wait.
        send(runtime, environment, cluster, handed_over(runtime, cluster, late), (), AT_ONCE_S)


def send(
    runtime: Runtime,
    environment: Environment,
    cluster: str,
    doomed: Sequence[Doomed],
    due: Sequence[Stop],
    delay_s: int,
    token: str = "",
    leaving: Sequence[Target] = (),
) -> None:
    """Send a continuation of a chain to the own queue, or, without a `token`, one that hands its instances over."""
    for body in continuation.messages(cluster, doomed, due, token, leaving):
        runtime.sqs.send_message(QueueUrl=environment.queue_url, MessageBody=body, DelaySeconds=delay_s)


def _send_spare(
    runtime: Runtime, environment: Environment, cluster: str, done: Advance, delay_s: int, token: str
) -> None:
    """Send the copy that does the next step if its own continuation's step crashes: it does not wait for SQS."""
    body = next(continuation.messages(cluster, done.waiting, done.due, token, done.leaving, spare=True))
    delay_s += round(SPARE_LATER_S)
    try:
        runtime.sqs_once.send_message(QueueUrl=environment.queue_url, MessageBody=body, DelaySeconds=delay_s)
    except Exception as error:
        runtime.telemetry.warning(f"cluster {cluster}: no spare continuation: {error}", cluster=cluster)
