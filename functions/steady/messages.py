"""Read messages that anybody may have sent: JSON objects and their fields, and the error that names what is wrong."""

import json
import re
import reprlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeGuard

# A wrong value is shown up to this length: enough to find it by.
_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = _SHOWN.maxlong = 120


class Malformed(ValueError):
    """A message that no retry can handle. The text says what is wrong with it and what is needed."""


def shown(value: object) -> str:
    """Return `value` as an error shows it: shortened if it is long or deeply nested.

    >>> shown("8O")
    "'8O'"
    """
    return _SHOWN.repr(value)


def json_object(body: str, needed: str) -> dict[str, Any]:
    """Return the JSON object in `body`.

    >>> json_object("[]", needed="an EventBridge event")
    Traceback (most recent call last):
    steady.messages.Malformed: the message is a JSON list: an EventBridge event is needed

    Args:
        needed: what the message should be, for the error.

    Raises:
        Malformed: if `body` is no JSON object, holds NaN or Infinity, a number of thousands of digits, or is nested too
            deeply to parse.
    """
    try:
        value = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"the message is not JSON ({error}): {needed} is needed") from error
    if not isinstance(value, dict):
        raise Malformed(f"the message is a JSON {type(value).__name__}: {needed} is needed")
    return value


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


# A surrogate that is half a character. JSON may escape one, and no request can carry it.
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_INSTANCE_ID = re.compile(r"i-[0-9A-Za-z]{1,32}")
# Characters; no name, id or time in an AWS event is longer.
LONGEST = 255


def text(event: Mapping[str, Any], *path: str, at_least: int = 1, at_most: int = LONGEST) -> str:
    """Return the text at `path` in `event`, of `at_least` to `at_most` characters. Every request can carry it.

    >>> text({"detail": {"instance-id": "i-1"}}, "detail", "instance-id")
    'i-1'

    Raises:
        Malformed: if there is none.
    """
    value: Any = event
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(value, str) or not at_least <= len(value) <= at_most or _LONE_SURROGATE.search(value):
        kind, name = shown(event.get("detail-type")), ".".join(path)
        raise Malformed(f"{kind}: {name} is {shown(value)}: a text of {at_least} to {at_most} characters is needed")
    return value


def is_instance_id(value: object) -> TypeGuard[str]:
    """Return whether `value` may be the id of an EC2 instance. It is safe in a filter of ECS and in a form of EC2.

    >>> is_instance_id("i-0b662ef9931388ba0"), is_instance_id("i-1] or [i-2"), is_instance_id(None)
    (True, False, False)
    """
    return isinstance(value, str) and _INSTANCE_ID.fullmatch(value) is not None


def instance_id(event: Mapping[str, Any], *path: str) -> str:
    """Return the id of an EC2 instance at `path` in `event`.

    Raises:
        Malformed: if there is none.
    """
    value = text(event, *path)
    if not is_instance_id(value):
        kind, name = shown(event.get("detail-type")), ".".join(path)
        raise Malformed(f"{kind}: {name} is {shown(value)}: the id of an EC2 instance is needed")
    return value


def time_of(event: Mapping[str, Any]) -> float:
    """Return the time of an EventBridge event, in seconds since the epoch.

    >>> time_of({"time": "2026-01-01T00:00:00Z"})
    1767225600.0

    Raises:
        Malformed: if `time` is not an ISO 8601 time with a zone.
    """
    raw = text(event, "time")
    try:
        at = datetime.fromisoformat(raw)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Malformed(
            f"{shown(event.get('detail-type'))}: time is {shown(raw)}: a time such as 2026-01-01T00:00:00Z is needed"
        )
    return at.timestamp()
