"""Usage: the instance-hours of each day, by how the instances are paid for and by type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from steady.cluster import Snapshot
from steady.pools import Purchase

# While no instance comes or goes, the hours are added up this often.
COUNTED_EVERY_S = 300
DAYS_KEPT = 32


@dataclass(frozen=True, slots=True)
class Usage:
    """Hours by UTC day (`2026-01-01`) and by what ran: `spot m5.large` or `on-demand m5.large`.

    Attributes:
        counted_at: up to when `hours` is added up, in seconds since the epoch.
        running: how many of each have been running since `counted_at`.
    """

    counted_at: float = 0.0
    running: Mapping[str, int] = field(default_factory=dict)
    hours: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def record(self, snapshot: Snapshot) -> Usage:
        """Return this usage with what `snapshot` shows running."""
        running = running_now(snapshot)
        if running == self.running and snapshot.at - self.counted_at < COUNTED_EVERY_S:
            return self
        return replace(self.until(snapshot.at), running=running)

    def until(self, now: float) -> Usage:
        """Return this usage with all that has run until `now` (seconds since the epoch) added up."""
        hours = {day: Counter(of_day) for day, of_day in self.hours.items()}
        for day, day_s in _days(self.counted_at, now) if self.running else ():
            of_day = hours.setdefault(day, Counter())
            for what, count in self.running.items():
                of_day[what] += count * day_s / 3600  # type: ignore[assignment]
        kept = sorted(hours)[-DAYS_KEPT:]
        return replace(self, counted_at=now, hours={day: dict(hours[day]) for day in kept})


UNUSED = Usage()


def running_now(snapshot: Snapshot) -> dict[str, int]:
    """Count the running instances by purchase and type. One that is leaving costs until it is gone."""
    pool = snapshot.pool
    types = {i.instance_id: i.instance_type for i in snapshot.instances} | dict(pool.members)
    bought = {id_: Purchase.ON_DEMAND if id_ in pool.on_demand_members else pool.traits.purchase for id_ in types}
    return dict(Counter(f"{bought[id_]} {types[id_]}" for id_ in sorted(types)))


def _days(since: float, until: float) -> Iterator[tuple[str, float]]:
    """Yield the UTC days from `since` to `until`, each with how many of its seconds they cover."""
    while since < until:
        day = datetime.fromtimestamp(since, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        ends = min(until, (day + timedelta(days=1)).timestamp())
        yield day.date().isoformat(), ends - since
        since = ends
