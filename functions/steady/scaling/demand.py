"""Demands: tasks that a batch launcher could not place, remembered for as long as it says so again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from steady.cluster import Size

# hako says a failure again every 10 s, and the message takes some 3 s to be remembered. What has not been said for
# longer was most likely placed: no capacity is asked for on its account.
FRESH_S = 15.0
# A DynamoDB item holds 400 KB and a demand takes about 150 bytes of it.
MAX_DEMANDS = 1500


@dataclass(frozen=True, slots=True)
class Demand:
    """One task that `RunTask` had no room for. Times are in seconds since the epoch.

    `key` is hako's `hako_task_id`: the same for every try of one run, so that a demand is counted once.
    `seen` is whether a look at the cluster has taken it in.
    """

    key: str
    size: Size
    first_said_at: float
    last_said_at: float
    seen: bool = False


def remembered(demands: Mapping[str, Demand], said: Iterable[Demand]) -> dict[str, Demand]:
    """`demands` with what was just said: repeated ones renewed, in whatever order the messages came.

    At most `MAX_DEMANDS` are kept; those that waited longest stay.
    """
    kept = dict(demands)
    for demand in said:
        known = kept.get(demand.key)
        kept[demand.key] = (
            demand
            if known is None
            else replace(
                demand,
                first_said_at=min(known.first_said_at, demand.first_said_at),
                last_said_at=max(known.last_said_at, demand.last_said_at),
                seen=known.seen,
            )
        )
    oldest_first = sorted(kept.values(), key=lambda d: (d.first_said_at, d.key))
    return {d.key: d for d in oldest_first[:MAX_DEMANDS]}


def waiting(demands: Mapping[str, Demand], now: float) -> list[Demand]:
    """The demands that were said so lately that their tasks still wait."""
    return [d for d in demands.values() if now - d.last_said_at <= FRESH_S]


def still_said(demands: Mapping[str, Demand], now: float, silent_after_s: float) -> dict[str, Demand]:
    """The demands that were said within the last `silent_after_s` seconds."""
    return {key: d for key, d in demands.items() if now - d.last_said_at <= silent_after_s}
