"""What a cluster's instances came to: instance-hours a day, by how they were bought and by type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from steady.cluster import PoolKind, Snapshot

ON_DEMAND = "on-demand"
SPOT = "spot"
# While nothing comes or goes, what is counted is brought up to date every so often.
COUNTED_EVERY_S = 300
DAYS_KEPT = 32


@dataclass(frozen=True, slots=True)
class Usage:
    """Hours by UTC day (`2026-01-01`) and by what ran: `spot m5.large` or `on-demand m5.large`.

    `running` is how many of each have run since `counted_at` (seconds since the epoch), which `hours` lacks yet.
    """

    counted_at: float = 0.0
    running: Mapping[str, int] = field(default_factory=dict)
    hours: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def seen(self, snapshot: Snapshot) -> Usage:
        """This usage, and what runs from now on."""
        running = running_now(snapshot)
        if running == self.running and snapshot.at - self.counted_at < COUNTED_EVERY_S:
            return self
        return replace(self.until(snapshot.at), running=running)

    def until(self, now: float) -> Usage:
        """This usage with all that has run until `now`."""
        hours = {day: Counter(of_day) for day, of_day in self.hours.items()}
        for day, day_s in _days(self.counted_at, now) if self.running else ():
            of_day = hours.setdefault(day, Counter())
            for what, count in self.running.items():
                of_day[what] += count * day_s / 3600  # type: ignore[assignment]
        kept = sorted(hours)[-DAYS_KEPT:]
        return replace(self, counted_at=now, hours={day: dict(hours[day]) for day in kept})


UNUSED = Usage()


def running_now(snapshot: Snapshot) -> dict[str, int]:
    """How many instances run of each purchase and type; those that are on their way out cost until they are gone."""
    pool = snapshot.pool
    types = {i.instance_id: i.instance_type for i in snapshot.instances} | dict(pool.members)
    group = pool.name.kind is PoolKind.AUTO_SCALING_GROUP
    bought = {id_: ON_DEMAND if group or id_ in pool.on_demand_members else SPOT for id_ in types}
    return dict(Counter(f"{bought[id_]} {types[id_]}" for id_ in sorted(types)))


def _days(since: float, until: float) -> Iterator[tuple[str, float]]:
    """The UTC days from `since` to `until`, each with how many seconds of it these hold."""
    while since < until:
        day = datetime.fromtimestamp(since, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        ends = min(until, (day + timedelta(days=1)).timestamp())
        yield day.date().isoformat(), ends - since
        since = ends
