"""Build the SQL query for the log lines of one container. It reads only the partitions of the days asked for."""

from datetime import UTC, datetime, timedelta


def query(table: str, since: datetime, until: datetime, like: str = "", limit: int = 1000) -> str:
    """Return the query for the newest `limit` lines of `table` from `since` to `until`, the oldest line first.

    Args:
        like: a text that the lines contain; with % or _ in it, an SQL pattern that they match; "": all lines.
    """
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    conditions = [_days(since, until), f"time >= '{iso(since)}'", f"time < '{iso(until)}'"]
    if like:
        pattern = like if "%" in like or "_" in like else f"%{like}%"
        conditions.append(f"log like '{_quoted(pattern)}'")
    # Athena takes no parameters in `like`. What a person gives is quoted, and the table's name is from the catalogue.
    chosen = f'select time, log from "{table}" where {" and ".join(conditions)} order by time desc limit {limit}'  # noqa: S608
    return f"select time, log from ({chosen}) order by time"  # noqa: S608


def _days(since: datetime, until: datetime) -> str:
    """Return the condition for the partitions of the days from `since` to `until`, one part for each month."""
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
    """Return `at` as fluentd writes it (fluentd/). All such texts have one length, so they sort like times."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _quoted(text: str) -> str:
    return text.replace("'", "''")
