"""What says that an instance is about to go: one module a kind of message, its sample above its parser."""

from collections.abc import Callable, Mapping
from typing import Any

from interruption_handler.notices import (
    health_change,
    lifecycle_terminate,
    rebalance_recommendation,
    spot_interruption,
    state_change,
)
from interruption_handler.notices.continuation import DETAIL_TYPE as CONTINUATION
from interruption_handler.notices.continuation import Continuation
from interruption_handler.notices.continuation import parse as parse_continuation
from steady.messages import json_object, shown
from steady.service_out.notice import Ignored, Notice

_PARSERS: Mapping[str, Callable[[Mapping[str, Any]], tuple[Notice, ...] | Ignored]] = {
    kind.DETAIL_TYPE: kind.parse
    for kind in (spot_interruption, rebalance_recommendation, lifecycle_terminate, state_change, health_change)
}

Parsed = tuple[Notice, ...] | Continuation | Ignored


def parse(body: str) -> Parsed:
    """What a message of the interruption queue says: notices, instances to go on with, or nothing for us.

    Raises:
        Malformed: naming what is wrong with the message, and what is needed.
    """
    event = json_object(body, needed="an EventBridge event")
    if event.get("Event") == lifecycle_terminate.TEST_NOTIFICATION:
        return Ignored("a test notification of a new lifecycle hook")
    kind = event.get("detail-type")
    if kind == CONTINUATION:
        return parse_continuation(event)
    parse_kind = _PARSERS.get(str(kind))
    if parse_kind is None:
        return Ignored(f"a message of the kind {shown(kind)}, which is none that is handled")
    return parse_kind(event)
