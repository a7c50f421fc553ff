"""Windows of the week: their days, hours and time zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steady.threshold import BadThreshold
from steady.thresholds import THRESHOLDS
from steady.windows import DAYS, is_open, is_window

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "at", "open_"),
    [
        ("always", MONDAY, True),
        ("Mon 02:00-05:00 UTC", MONDAY + timedelta(hours=2), True),
        ("Mon 02:00-05:00 UTC", MONDAY + timedelta(hours=5), False),
        ("Tue 02:00-05:00 UTC", MONDAY + timedelta(hours=2), False),
        ("Sat,Sun 00:00-24:00 UTC", MONDAY - timedelta(minutes=1), True),
        ("Fri-Mon 00:00-24:00 UTC", MONDAY, True),
        ("Sun 22:00-02:00 UTC", MONDAY + timedelta(hours=1), True),
        ("Mon 22:00-02:00 UTC", MONDAY + timedelta(hours=1), False),
        # 02:30 UTC is 03:30 in Berlin in winter, and 04:30 in summer.
        ("Mon 03:00-04:00 Europe/Berlin", MONDAY + timedelta(hours=2.5), True),
        ("Mon 03:00-04:00 Europe/Berlin", datetime(2026, 7, 20, 2, 30, tzinfo=UTC), False),
    ],
)
def test_a_window_is_open_on_its_days_in_its_hours(window: str, at: datetime, open_: bool) -> None:
    assert is_window(window)
    assert is_open(window, at) is open_


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mon",
        "Mon 02:00 UTC",
        "mon 02:00-05:00 UTC",
        "Mon 25:00-26:00 UTC",
        "Mon 24:00-05:00 UTC",
        "Mon 23:00-24:01 UTC",
        "Mon 02:00-05:00 Mars/Base",
        "Mon 02:00-05:00 ../etc",
        "Mon,  02:00-05:00 UTC",
    ],
)
def test_what_is_no_window_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadThreshold, match=r"/renew_window is .*such as Mon-Fri 02:00-05:00 Europe/Berlin is needed"):
        THRESHOLDS["renew_window"].parse(text, "/steady/clusters/web/renew_window")


@given(st.sampled_from(DAYS), st.integers(0, 23), st.integers(1, 24), st.integers(0, 7 * 24 * 60))
def test_a_window_of_one_day_is_open_for_as_long_as_it_says(day: str, begins: int, ends: int, offset: int) -> None:
    window = f"{day} {begins:02}:00-{ends:02}:00 UTC"
    start = MONDAY + timedelta(minutes=offset)
    open_hours = sum(is_open(window, start + timedelta(hours=n)) for n in range(7 * 24))

    assert open_hours == ((ends - begins) if ends > begins else 24 - begins + ends)
