"""How fast the calls of a token bucket may be made: the generic cell rate algorithm (ITU-T I.371).

The calls of a bucket are given out along the clock. Each costs the time in which the bucket, or a share of it, is
refilled by one token. `turn` is the time up to which calls have been given out, in seconds since the epoch. It may be
ahead of the clock by as long as the bucket takes to fill: that is the burst.
"""

from steady.api_budget.limits import Bucket

# After a throttled call: others draw on the bucket, and for this time none of ours does.
REST_S = 1.0


def seconds_of(bucket: Bucket, calls: float, share: float = 1.0) -> float:
    """Return in how many seconds `share` of the bucket (over 0, at most 1) is refilled by `calls` tokens.

    >>> seconds_of(Bucket("example", burst=100, refill_per_s=20, actions=frozenset()), calls=60, share=0.5)
    6.0
    """
    return calls / (share * bucket.refill_per_s)


def longest_lead_s(bucket: Bucket, share: float = 1.0) -> float:
    """Return how many seconds `turn` may be ahead of the clock: what the burst costs, or one call if that is more.

    The burst of a small share would be less than one call. One call is let through all the same.

    >>> longest_lead_s(Bucket("example", burst=100, refill_per_s=20, actions=frozenset()))
    5.0
    """
    return max(bucket.burst / bucket.refill_per_s, seconds_of(bucket, 1, share))


def first_call_at(turn: float, bucket: Bucket, share: float, now: float) -> float:
    """Return when the next call may be made, in seconds since the epoch; a time before `now` means at once."""
    return turn_after(turn, bucket, 1, share, now) - longest_lead_s(bucket, share)


def turn_after(turn: float, bucket: Bucket, calls: int, share: float, now: float) -> float:
    """Return the turn once `calls` more have been given out, in seconds since the epoch."""
    return max(turn, now) + seconds_of(bucket, calls, share)


def turn_after_refusal(turn: float, bucket: Bucket, now: float) -> float:
    """Return the turn after a throttled call: no call of ours is made for `REST_S` seconds."""
    return max(turn, now + REST_S + longest_lead_s(bucket))
