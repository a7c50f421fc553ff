"""What every kind of notice comes to, and how its fields are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from steady.aws.queue import Malformed, shown
from steady.drain import LifecycleHook

# Of all names, ids and times that events hold: none of AWS's is longer.
LONGEST = 255


@dataclass(frozen=True, slots=True)
class Notice:
    """An instance is about to go. `at` and `deadline_s` are in seconds since the epoch.

    A lifecycle hook's deadline is its own timeout, which only Auto Scaling knows: `deadline_s` is None then. What is
    only `recommended` counts where the cluster's threshold `on_rebalance` says so, and has the deadline that its
    thresholds set: None as well. One that is `gone` already has no time left at all.
    """

    instance_id: str
    at: float
    deadline_s: float | None = None
    hook: LifecycleHook | None = None
    recommended: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that is rightly there and asks for nothing; `why` says so."""

    why: str


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
