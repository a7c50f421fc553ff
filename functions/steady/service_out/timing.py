"""Choose when the steps of a service-out happen."""

import math
from collections.abc import Iterable, Sequence

from steady.service_out.doomed import Doomed, LifecycleHook

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

    A step sends heartbeats when it begins: it is no longer than a third of a hook's timeout, until the next one does.

    >>> fleet = [Doomed("i-1", "web", deadline_s=120.0, noticed_at=0.0)]
    >>> round_end(fleet, now=5.0), round_end(fleet, now=60.0)
    (9.0, 80.0)
    """
    newest = max((d.noticed_at for d in doomed), default=0.0)
    lasts_s = SHORT_ROUND_S if now - newest < NOTICES_COME_FOR_S else ROUND_S
    return now + min([lasts_s, *(hook.heartbeat_s / 3 for hook in hooks_that_hold(doomed))])


def is_due(hook: LifecycleHook, now: float) -> bool:
    """Return whether `hook` needs a heartbeat: a third of the timeout leaves room for a late step, and another try."""
    return now >= hook.beat_at + hook.heartbeat_s / 3


def next_heartbeat_in_s(doomed: Iterable[Doomed], now: float) -> float:
    """Return the seconds until the next heartbeat is due; infinity: no hook holds any of `doomed`.

    One that is due already was refused, or its instance was handed over while others got theirs.

    >>> hook = LifecycleHook("web", "drain", heartbeat_s=30, beat_at=100.0)
    >>> held = [Doomed("i-1", "web", deadline_s=7200.0, hooks=(hook,))]
    >>> next_heartbeat_in_s(held, now=102.0), next_heartbeat_in_s(held, now=120.0), next_heartbeat_in_s([], now=120.0)
    (8.0, 3.0, inf)
    """
    hooks = hooks_that_hold(doomed)
    return min((max(h.heartbeat_s / 10, h.beat_at + h.heartbeat_s / 3 - now) for h in hooks), default=math.inf)


def hooks_that_hold(doomed: Iterable[Doomed]) -> list[LifecycleHook]:
    """Return the hooks that decide when one of `doomed` ends."""
    return [hook for one in doomed if one.waits_under_hook for hook in one.hooks if hook.heartbeat_s]
