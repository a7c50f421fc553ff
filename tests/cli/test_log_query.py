"""The query of `steady logs`: it names its partitions, and lets no text out of its quotes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cli.logs.query import query

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_only_the_days_that_are_asked_for_are_read() -> None:
    text = query("my_app", NOON - timedelta(hours=2), NOON)

    assert "(year = 2026 and month = 3 and day between 1 and 1)" in text
    assert "time >= '2026-03-01T10:00:00.000000Z' and time < '2026-03-01T12:00:00.000000Z'" in text


def test_days_of_two_months_are_named_by_month() -> None:
    text = query("my_app", NOON - timedelta(days=2), NOON)

    assert "((year = 2026 and month = 2 and day between 27 and 28) or (year = 2026 and month = 3 and day" in text


def test_a_text_becomes_a_pattern_and_stays_in_its_quotes() -> None:
    assert "log like '%ERROR%'" in query("my_app", NOON, NOON, "ERROR")
    assert "log like '%5__ it''s%'" in query("my_app", NOON, NOON, "%5__ it's%")


def test_the_newest_are_taken_and_shown_the_oldest_first() -> None:
    text = query("my_app", NOON, NOON, limit=10)

    assert "order by time desc limit 10) order by time" in text
