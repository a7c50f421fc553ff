"""Windows of the week in which something may be done: days, hours and a time zone.

A window is `Mon-Fri 02:00-05:00 Europe/Berlin`, or several days with commas (`Sat,Sun 00:00-24:00 UTC`); `always` is
one that never closes. One whose end is before its start goes on past midnight, on the day that it began.
"""

import re
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ALWAYS = "always"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY = f"(?:{'|'.join(DAYS)})"
_TIME = r"(?:[01][0-9]|2[0-4]):[0-5][0-9]"
# The shape that SSM's AllowedPattern checks; the time zone and the hour 24 are checked when it is read.
PATTERN = rf"^(?:{ALWAYS}|{_DAY}(?:[-,]{_DAY})* {_TIME}-{_TIME} [A-Za-z0-9_+/-]{{1,50}})$"
NEEDED = f"{ALWAYS}, or days, hours and a time zone such as Mon-Fri 02:00-05:00 Europe/Berlin is needed"


def is_window(text: str) -> bool:
    """Return whether `text` is a window.

    >>> is_window("Mon-Fri 02:00-05:00 Europe/Berlin"), is_window("Mon 02:00-05:00 Mars/Base")
    (True, False)
    """
    return re.fullmatch(PATTERN, text) is not None and (text == ALWAYS or _parts(text) is not None)


def is_open(text: str, at: datetime) -> bool:
    """Return whether the window `text` is open at the time `at`, which has a time zone.

    >>> from datetime import UTC
    >>> [is_open("Mon-Fri 22:00-02:00 UTC", datetime(2026, 11, 28, hour, tzinfo=UTC)) for hour in (1, 3)]
    [True, False]
    """
    if text == ALWAYS:
        return True
    parts = _parts(text)
    if parts is None:
        return False
    days, begins, ends, zone = parts
    local = at.astimezone(zone)
    minutes = local.hour * 60 + local.minute
    today, before = DAYS[local.weekday()], DAYS[(local - timedelta(days=1)).weekday()]
    if begins < ends:
        return today in days and begins <= minutes < ends
    return (today in days and minutes >= begins) or (before in days and minutes < ends)


@cache
def _parts(text: str) -> tuple[frozenset[str], int, int, ZoneInfo] | None:
    """Return the days, the first and the last minute of a day, and the time zone; None if there is no such one."""
    named, hours, zone = text.split(" ")
    begins, ends = (_minutes(time) for time in hours.split("-"))
    try:
        found = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    if max(begins, ends) > 24 * 60 or begins == 24 * 60:
        return None
    return frozenset(day for part in named.split(",") for day in _days(part)), begins, ends, found


def _days(part: str) -> list[str]:
    """Return the days of `Mon` or of `Fri-Mon`, which goes over the end of the week."""
    first, _, last = part.partition("-")
    begins = DAYS.index(first)
    return [DAYS[(begins + n) % 7] for n in range((DAYS.index(last or first) - begins) % 7 + 1)]


def _minutes(time: str) -> int:
    hours, minutes = time.split(":")
    return 60 * int(hours) + int(minutes)
