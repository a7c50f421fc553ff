"""Choose when the steps of a service-out happen."""

from collections.abc import Sequence

from steady.service_out.doomed import Doomed

# A batch with this many new instances is a part of a fleet's reclaim: the first look waits for the other notices.
GATHER_FROM = 8
GATHER_FOR_S = 4.0
MANY = 100
GATHER_MANY_FOR_S = 5.0
# A step stops tasks for this long; while more notices may come, for less: they wait until its end.
ROUND_S = 20.0
SHORT_ROUND_S = 4.0
NOTICES_COME_FOR_S = 20.0


def are_to_be_gathered(doomed: Sequence[Doomed], now: float) -> bool:
    """Return whether the first look at these instances waits for more notices of the same reclaim.

    One look at all instances takes fewer calls than a look at each batch. It waits `GATHER_FOR_S` seconds after the
    notice, and `GATHER_MANY_FOR_S` from `MANY` instances on. It does not wait if an instance's deadline is over.

    >>> fleet = [Doomed(f"i-{n}", "web", deadline_s=120.0, noticed_at=0.0) for n in range(8)]
    >>> are_to_be_gathered(fleet, now=3.0), are_to_be_gathered(fleet, now=4.0), are_to_be_gathered(fleet[:7], now=3.0)
    (True, False, False)
    """
    fresh = [d for d in doomed if not d.looked_at]
    longest_s = GATHER_MANY_FOR_S if len(fresh) >= MANY else GATHER_FOR_S
    return (
        len(fresh) >= GATHER_FROM
        and all(now - d.noticed_at < longest_s for d in fresh)
        and all(now < d.deadline_s for d in doomed)
    )


def round_end(doomed: Sequence[Doomed], now: float) -> float:
    """Return when a step that begins at `now` stops no more tasks, in seconds since the epoch.

    >>> fleet = [Doomed("i-1", "web", deadline_s=120.0, noticed_at=0.0)]
    >>> round_end(fleet, now=5.0), round_end(fleet, now=60.0)
    (9.0, 80.0)
    """
    newest = max((d.noticed_at for d in doomed), default=0.0)
    return now + (SHORT_ROUND_S if now - newest < NOTICES_COME_FOR_S else ROUND_S)
