"""How many ECS calls the suite may make, and when: a share of each of the API's buckets, whose rest is others'.

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

# How long a tick may wait for others' calls before it is left to the next one.
TICK_WAITS_S = 20.0
# How long scale-in may take to read what runs on the instances that it may empty.
SCALE_IN_READS_S = 10.0
# What one look at a cluster may take: what is decided after that would be decided on what was.
LONGEST_LOOK_S = 40.0


# What times since the epoch are apart by where they are the same, and more.
CLOSE = 1e-4


class Urgency(IntEnum):
    """What calls are for, the least urgent first. The log catalogue makes none of ECS's."""

    SWEEP = 0
    SCALE_IN = 1
    SCALE_OUT = 2
    SERVICE_OUT = 3


@dataclass(frozen=True, slots=True)
class Given:
    """Calls that were given out: the first for `first_at` (seconds since the epoch), each next one `every_s` later."""

    first_at: float
    every_s: float
    calls: int

    def at(self, number: int) -> float:
        """When the call of that number, from 0, may be made."""
        return self.first_at + number * self.every_s

    @property
    def last_at(self) -> float:
        return self.at(max(0, self.calls - 1))


@dataclass(frozen=True, slots=True)
class Change:
    """What a bucket's turn becomes: `to`, or `plus` seconds later; for a turn that is not before `lowest`, and before
    `below`. None: whatever it is, or if there is none.

    Several that only add do not get into each other's way.
    """

    bucket: str
    to: float | None = None
    plus: float = 0.0
    lowest: float | None = None
    below: float | None = None

    def of(self, turn: float) -> float:
        return turn + self.plus if self.to is None else self.to


@dataclass(frozen=True, slots=True)
class Turns:
    """Up to when the calls of each bucket, by its name, have been given out; in seconds since the epoch."""

    until: Mapping[str, float] = field(default_factory=dict)

    def giving(self, bucket: Bucket, calls: int, share: float, now: float, refused: int = 0) -> Change:
        """Gives out the next `calls` at `share` (over 0, at most 1) of the bucket, after a rest for each `refused`."""
        seconds = seconds_of(bucket, calls, share) + refused * REST_S
        if self.until.get(bucket.name, now) <= now:
            return Change(bucket.name, to=now + seconds, below=now + CLOSE)
        return Change(bucket.name, plus=seconds, lowest=now)

    def charging(self, bucket: Bucket, calls: int, now: float) -> Change | None:
        """What was called without asking, as service-out does: what it took of the whole bucket, and no more of it."""
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
        return Turns({**self.until, **until})

    def affordable(self, bucket: Bucket, share: float, now: float, within_s: float) -> int:
        """How many calls could be given out now whose turn is within `within_s` seconds."""
        first = calls_from(self.until.get(bucket.name, now), bucket, 1, share, now)
        return max(0, 1 + math.floor((now + within_s - first.first_at) / first.every_s + CLOSE))

    def allows(self, bucket: Bucket, share: float, now: float) -> Urgency | None:
        """The least urgent calls that are made while the bucket is used as it is; None: only service-out's.

        Half of the share's burst is left for what is more urgent than a sweep; scale-in does not wait for a turn, and
        scale-out not for long.
        """
        ahead_s = max(0.0, self.until.get(bucket.name, now) - now) - CLOSE
        at_most_s = longest_lead_s(bucket, share)
        if ahead_s <= at_most_s / 2:
            return Urgency.SWEEP
        if ahead_s <= at_most_s:
            return Urgency.SCALE_IN
        return Urgency.SCALE_OUT if ahead_s <= at_most_s + TICK_WAITS_S else None


def calls_from(turn: float, bucket: Bucket, calls: int, share: float, now: float) -> Given:
    """The calls that are given out from `turn` on, or from `now`, whichever is later."""
    return Given(first_call_at(turn, bucket, share, now), seconds_of(bucket, 1, share), calls)
