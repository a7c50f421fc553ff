"""What says that an instance is about to go: one module a kind of message, its sample above its parser."""

from interruption_handler.notices import continuation, lifecycle_terminate, spot_interruption
from interruption_handler.notices.notice import Ignored, Notice
from steady.aws.queue import json_object
from steady.drain import Doomed

_PARSERS = {
    spot_interruption.DETAIL_TYPE: spot_interruption.parse,
    lifecycle_terminate.DETAIL_TYPE: lifecycle_terminate.parse,
}

Parsed = Notice | Ignored | tuple[Doomed, ...]


def parse(body: str) -> Parsed:
    """What a message of the interruption queue says: a notice, doomed instances to go on with, or nothing for us.

    Raises:
        Malformed: naming what is wrong with the message, and what is needed.
    """
    event = json_object(body, needed="an EventBridge event")
    if event.get("Event") == lifecycle_terminate.TEST_NOTIFICATION:
        return Ignored("a test notification of a new lifecycle hook")
    kind = event.get("detail-type")
    if kind == continuation.DETAIL_TYPE:
        return continuation.parse(event)
    if kind not in _PARSERS:
        return Ignored(f"a message of the kind {kind!r}, which is none that is handled")
    return _PARSERS[kind](event)
