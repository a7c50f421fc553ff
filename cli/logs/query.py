"""The query for the lines of one container: it reads the partitions of its days, and no others."""

from datetime import UTC, datetime, timedelta


def query(table: str, since: datetime, until: datetime, like: str = "", limit: int = 1000) -> str:
    """The newest `limit` lines of `table` from `since` to `until` whose text matches `like`, the oldest first.

    Args:
        like: a text that the line contains; with % or _ in it, the pattern as SQL has it.
    """
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    conditions = [_days(since, until), f"time >= '{iso(since)}'", f"time < '{iso(until)}'"]
    if like:
        pattern = like if "%" in like or "_" in like else f"%{like}%"
        conditions.append(f"log like '{_quoted(pattern)}'")
    # Athena takes no parameters in `like`: what a person gives is in quotes, a table's name is the catalogue's own.
    chosen = f'select time, log from "{table}" where {" and ".join(conditions)} order by time desc limit {limit}'  # noqa: S608
    return f"select time, log from ({chosen}) order by time"  # noqa: S608


def _days(since: datetime, until: datetime) -> str:
    """The partitions of the days from `since` to `until`: days of one month together."""
    months: dict[tuple[int, int], list[int]] = {}
    day = since.date()
    while day <= until.date():
        months.setdefault((day.year, day.month), []).append(day.day)
        day += timedelta(days=1)
    parts = [
        f"(year = {year} and month = {month} and day between {days[0]} and {days[-1]})"
        for (year, month), days in months.items()
    ]
    return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"


def iso(at: datetime) -> str:
    """`at` as fluentd writes it (fluentd/): of one length, so that texts compare as times do."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _quoted(text: str) -> str:
    return text.replace("'", "''")
