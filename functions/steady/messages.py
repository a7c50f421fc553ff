"""Read messages that anybody may have sent: JSON objects and their fields, and the error that names what is wrong."""

import json
import reprlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

# How a value that is wrong is shown: enough to find it by, whatever somebody has sent.
_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = _SHOWN.maxlong = 120


class Malformed(ValueError):
    """A message that no try can handle. The text says what is wrong with it and what is needed."""


def shown(value: object) -> str:
    """`value` as an error names it: shortened where it is long or deep."""
    return _SHOWN.repr(value)


def json_object(body: str, needed: str) -> dict[str, Any]:
    """The JSON object in `body`; `needed` says what it should have been.

    Raises:
        Malformed: if it is none, or none that anybody sends in good faith: NaN, numbers of thousands of digits,
            nesting without an end.
    """
    try:
        value = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"the message is no JSON ({error}): {needed} is needed") from error
    if not isinstance(value, dict):
        raise Malformed(f"the message is a JSON {type(value).__name__}: {needed} is needed")
    return value


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


# Of all names, ids and times that events hold: none of AWS's is longer.
LONGEST = 255


def text(event: Mapping[str, Any], *path: str, at_least: int = 1, at_most: int = LONGEST) -> str:
    """The text at `path` in `event`, of `at_least` to `at_most` characters.

    Raises:
        Malformed: if there is none.
    """
    value: Any = event
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(value, str) or not at_least <= len(value) <= at_most:
        kind, name = shown(event.get("detail-type")), ".".join(path)
        raise Malformed(f"{kind}: {name} is {shown(value)}: a text of {at_least} to {at_most} characters is needed")
    return value


def time_of(event: Mapping[str, Any]) -> float:
    """When EventBridge says that `event` happened, in seconds since the epoch.

    Raises:
        Malformed: if `time` is no ISO 8601 time with its zone.
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
