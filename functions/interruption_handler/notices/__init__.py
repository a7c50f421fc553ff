"""What says that an instance is about to go: one module a kind of message, its sample above its parser."""

import json
from typing import Any

from interruption_handler.notices import continuation, lifecycle_terminate, spot_interruption
from interruption_handler.notices.notice import Ignored, Notice
from steady.aws.queue import Malformed
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
    try:
        event: Any = json.loads(body)
    except json.JSONDecodeError as error:
        raise Malformed(f"the message is no JSON ({error}): an EventBridge event is needed") from error
    if not isinstance(event, dict):
        raise Malformed(f"the message is a JSON {type(event).__name__}: an EventBridge event, an object, is needed")
    if event.get("Event") == lifecycle_terminate.TEST_NOTIFICATION:
        return Ignored("a test notification of a new lifecycle hook")
    kind = event.get("detail-type")
    if kind == continuation.DETAIL_TYPE:
        return continuation.parse(event)
    if kind not in _PARSERS:
        return Ignored(f"a message of the kind {kind!r}, which is none that is handled")
    return _PARSERS[kind](event)
