"""Send messages again whose step failed: for as long as their instances are there, and not for SQS's few receives."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from interruption_handler.notices import Parsed, notices_in
from interruption_handler.notices.continuation import Continuation
from steady.aws import queue
from steady.aws.runtime import Runtime
from steady.aws.service_out.hooks import LONGEST_WAIT_S
from steady.names import HOOK_HEARTBEAT_S
from steady.service_out.doomed import NOTICE_S, Doomed
from steady.service_out.notice import ReservationNotice, WaitingNotice

# A message is sent again after a twentieth of the time that is left, or after its own age if that is less, in these
# bounds (seconds). A third of a heartbeat timeout is the bound under a lifecycle hook: nobody else sends heartbeats.
SOONEST_S, LATEST_S = 5, 300
PARTS = 20


def send_again(
    runtime: Runtime, queue_url: str, messages: Iterable[queue.Message[Parsed]], located: Mapping[str, Doomed]
) -> list[str]:
    """Send `messages` again, each once more, and return the ids of those that SQS itself is to deliver again.

    That are those past their deadline, which go to the dead-letter queue after some more tries, and those that could
    not be sent.

    Args:
        located: each instance whose end is known, by id.
    """
    failed = []
    for message in messages:
        left_s = _deadline_of(message.value, located) - runtime.now()
        if left_s <= 0:
            failed.append(message.id)
            continue
        latest_s = min(LATEST_S, _heartbeat_s(message.value, located) / 3)
        delay_s = round(min(max(min(left_s / PARTS, _age_s(message.value, runtime.now())), SOONEST_S), latest_s))
        try:
            runtime.sqs.send_message(QueueUrl=queue_url, MessageBody=message.body, DelaySeconds=delay_s)
        except Exception as error:
            runtime.telemetry.error(f"message {message.id} could not be sent again; SQS delivers it again: {error}")
            failed.append(message.id)
    return failed


def _age_s(value: Parsed, now: float) -> float:
    """Return the seconds since the newest notice that a message is about."""
    if isinstance(value, Continuation):
        return now - max((d.noticed_at for d in value.doomed), default=now)
    return now - max((notice.at for notice in notices_in(value)), default=now)


def _heartbeat_s(value: Parsed, located: Mapping[str, Doomed]) -> float:
    """Return the shortest heartbeat timeout of the hooks that hold the instances of a message; infinity: none does."""
    if isinstance(value, Continuation):
        known = list(value.doomed)
    else:
        known = [located[n.instance_id] for n in notices_in(value) if n.instance_id in located]
    timeouts = [float(hook.heartbeat_s) for one in known for hook in one.hooks if hook.heartbeat_s]
    # The terms of a hook that could not be read are taken as ours.
    unread = any(n.hook and n.instance_id not in located for n in notices_in(value))
    return min([*timeouts, *([float(HOOK_HEARTBEAT_S)] if unread else [])], default=math.inf)


def _deadline_of(value: Parsed, located: Mapping[str, Doomed]) -> float:
    """Return when the last instance of a message ends, in seconds since the epoch."""
    if isinstance(value, Continuation):
        # A message with nothing but stops is worth no more than a notice.
        return max((d.deadline_s for d in value.doomed), default=max((s.by for s in value.due), default=0.0) + NOTICE_S)
    if isinstance(value, ReservationNotice):
        return value.deadline_s
    if isinstance(value, WaitingNotice):
        # The next tick sends another one.
        return value.at + NOTICE_S
    return max(
        (
            known.deadline_s
            if (known := located.get(n.instance_id))
            else (n.at + LONGEST_WAIT_S if n.deadline_s is None else n.deadline_s)
            for n in notices_in(value)
        ),
        default=0.0,
    )
