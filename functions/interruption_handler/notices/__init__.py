"""Parse the messages of the interruption queue. Each kind of notice is one module: its pattern, sample and parser."""

from collections.abc import Mapping

from interruption_handler.notices import (
    capacity_block_expiration,
    health_change,
    late_batch_tasks,
    lifecycle_terminate,
    rebalance_recommendation,
    reservation_interruption,
    spot_interruption,
    state_change,
    waiting_instances,
)
from interruption_handler.notices.continuation import DETAIL_TYPE as CONTINUATION
from interruption_handler.notices.continuation import Continuation
from interruption_handler.notices.continuation import parse as parse_continuation
from interruption_handler.notices.kind import NoticeKind
from interruption_handler.notices.unwritten import DETAIL_TYPE as UNWRITTEN
from interruption_handler.notices.unwritten import Unwritten
from interruption_handler.notices.unwritten import parse as parse_unwritten
from steady.messages import json_object, shown
from steady.names import LATE_BATCH_TASKS, WAITING_INSTANCES
from steady.service_out.notice import Ignored, Notice, Over, ReservationNotice, WaitingNotice

# A new kind goes last: the EventBridge rules are numbered in this order, and a rule of another number is replaced.
KINDS: tuple[NoticeKind, ...] = (
    spot_interruption,
    rebalance_recommendation,
    state_change,
    health_change,
    lifecycle_terminate,
    reservation_interruption,
    capacity_block_expiration,
)
KIND_OF: Mapping[str, NoticeKind] = {name: kind for kind in KINDS for name in kind.PATTERN["detail-type"]}

Parsed = tuple[Notice | Over, ...] | ReservationNotice | WaitingNotice | Continuation | Unwritten | Ignored


def parse(body: str) -> Parsed:
    """Parse a message of the interruption queue: notices and their ends, instances to go on with, or why it is ignored.

    Raises:
        Malformed: naming what is wrong with the message, and what is needed.
    """
    event = json_object(body, needed="an EventBridge event")
    if event.get("Event") == lifecycle_terminate.TEST_NOTIFICATION:
        return lifecycle_terminate.parse({"detail": event})
    detail_type = event.get("detail-type")
    if detail_type == CONTINUATION:
        return parse_continuation(event)
    if detail_type == UNWRITTEN:
        return parse_unwritten(event)
    if detail_type == WAITING_INSTANCES:
        return waiting_instances.parse(event)
    if detail_type == LATE_BATCH_TASKS:
        return late_batch_tasks.parse(event)
    kind = KIND_OF.get(str(detail_type))
    if kind is None:
        return Ignored(f"unsupported detail-type {shown(detail_type)}")
    return kind.parse(event)


def notices_in(value: Parsed) -> list[Notice]:
    """Return the notices of a parsed message; none if it is of another kind."""
    return [one for one in value if isinstance(one, Notice)] if isinstance(value, tuple) else []


def overs_in(value: Parsed) -> list[Over]:
    """Return what a parsed message says to have passed; nothing if it is of another kind."""
    return [one for one in value if isinstance(one, Over)] if isinstance(value, tuple) else []
