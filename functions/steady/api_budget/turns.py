"""Give out the turns of the suite's ECS calls: a share of each of the API's buckets; other callers use the rest.

The arithmetic is that of `steady.api_budget.rate`. A call costs the time in which the suite's share lets one more
through, so a call at a smaller share costs more. The largest share holds, whichever function pays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from steady.api_budget.limits import Bucket
from steady.api_budget.rate import REST_S, first_call_at, longest_lead_s, seconds_of

# A tick that would wait longer than this for its first call is postponed to the next tick.
TICK_WAITS_S = 20.0
# Scale-in reads the tasks of the instances that it may empty for at most this long.
SCALE_IN_READS_S = 10.0
# A look at a cluster that takes longer is refused: the decision would be made on an outdated state.
LONGEST_LOOK_S = 40.0
# Times since the epoch that differ by less than this are the same: the ledger keeps 5 decimals.
CLOSE = 1e-4


class Urgency(IntEnum):
    """The purpose of ECS calls, the least urgent first. The log catalogue makes none."""

    SWEEP = 0
    SCALE_IN = 1
    SCALE_OUT = 2
    SERVICE_OUT = 3


@dataclass(frozen=True, slots=True)
class Given:
    """Turns of `calls` calls: the first at `first_at` (seconds since the epoch), each next one `every_s` later."""

    first_at: float
    every_s: float
    calls: int

    def at(self, number: int) -> float:
        """Return when the call of that number, from 0, may be made, in seconds since the epoch."""
        return self.first_at + number * self.every_s

    @property
    def last_at(self) -> float:
        return self.at(max(0, self.calls - 1))


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a bucket's turn, to `to` or else by `plus` seconds, and the condition under which it may be written.

    Two processes that each only add seconds need not see each other's turn first.

    Attributes:
        to: the turn after the change, in seconds since the epoch; None if `plus` is added.
        lowest: the change is for a turn that is not before this time; None if there is no such limit.
        below: the change is for a turn before this time; None if there is no such limit.
    """

    bucket: str
    to: float | None = None
    plus: float = 0.0
    lowest: float | None = None
    below: float | None = None

    def of(self, turn: float) -> float:
        """Return the turn after the change."""
        return turn + self.plus if self.to is None else self.to


@dataclass(frozen=True, slots=True)
class Turns:
    """The time up to which the calls of each bucket, by its name, have been given out, in seconds since the epoch."""

    until: Mapping[str, float] = field(default_factory=dict)

    def giving(self, bucket: Bucket, calls: int, share: float, now: float, refused: int = 0) -> Change:
        """Return the change that gives out `calls` at `share` (over 0, at most 1), after a rest for each of `refused`.

        >>> from steady.api_budget.limits import BUCKET_NAMED
        >>> Turns().giving(BUCKET_NAMED["service-read"], calls=30, share=0.3, now=100.0).to
        105.0
        """
        seconds = seconds_of(bucket, calls, share) + refused * REST_S
        if self.until.get(bucket.name, now) <= now:
            return Change(bucket.name, to=now + seconds, below=now + CLOSE)
        return Change(bucket.name, plus=seconds, lowest=now)

    def charging(self, bucket: Bucket, calls: int, now: float) -> Change | None:
        """Return the change for `calls` that were made without asking, as service-out does; None if the bucket is full.

        They are counted at the whole bucket, and never beyond it.
        """
        turn, full = self.until.get(bucket.name, now), now + longest_lead_s(bucket)
        seconds = seconds_of(bucket, calls)
        if turn >= full - CLOSE:
            return None
        if turn <= now:
            return Change(bucket.name, to=min(now + seconds, full), below=now + CLOSE)
        if turn + seconds >= full:
            return Change(bucket.name, to=full, below=full)
        return Change(bucket.name, plus=seconds, lowest=now, below=full - seconds)

    def with_(self, until: Mapping[str, float]) -> Turns:
        """Return these turns with those of `until`, by bucket, in their place."""
        return Turns({**self.until, **until})

    def affordable(self, bucket: Bucket, share: float, now: float, within_s: float) -> int:
        """Return how many calls could be given out now whose turn is within `within_s` seconds."""
        first = calls_from(self.until.get(bucket.name, now), bucket, 1, share, now)
        return max(0, 1 + math.floor((now + within_s - first.first_at) / first.every_s + CLOSE))

    def allows(self, bucket: Bucket, share: float, now: float) -> Urgency | None:
        """Return the least urgent purpose for which calls may be made now; None if only service-out may call.

        A sweep leaves half of the share's burst to more urgent calls. Scale-in does not wait for a turn. Scale-out
        waits for at most `TICK_WAITS_S` seconds.

        >>> from steady.api_budget.limits import BUCKET_NAMED
        >>> Turns({"service-read": 104.0}).allows(BUCKET_NAMED["service-read"], share=0.3, now=100.0)
        <Urgency.SCALE_IN: 1>
        """
        ahead_s = max(0.0, self.until.get(bucket.name, now) - now) - CLOSE
        at_most_s = longest_lead_s(bucket, share)
        if ahead_s <= at_most_s / 2:
            return Urgency.SWEEP
        if ahead_s <= at_most_s:
            return Urgency.SCALE_IN
        return Urgency.SCALE_OUT if ahead_s <= at_most_s + TICK_WAITS_S else None


def calls_from(turn: float, bucket: Bucket, calls: int, share: float, now: float) -> Given:
    """Return the turns of `calls` calls, given out from `turn` or from `now`, whichever is later.

    >>> from steady.api_budget.limits import BUCKET_NAMED
    >>> found = calls_from(100.0, BUCKET_NAMED["service-read"], calls=100, share=0.5, now=100.0)
    >>> found.at(49), found.last_at
    (100.0, 105.0)
    """
    return Given(first_call_at(turn, bucket, share, now), seconds_of(bucket, 1, share), calls)
