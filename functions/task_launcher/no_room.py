"""What has found no room a moment ago: requests like it are not tried again at once, and hold up no others.

A process knows this of its own rounds alone. Without it, only more calls are made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from steady.aws.cache import Cache
from steady.aws.runtime import Runtime

# Rounds begin with each batch of new requests. They do not try the same again within so many seconds; the rounds that
# are booked do (`steady.queued_run.ROUND_S`).
HOLDS_S = 5.0
# After a round that could not try all, the next ones go on with the others, for so many seconds at most.
SWEEP_S = 60.0


@dataclass(frozen=True, slots=True)
class Found:
    """When the shapes of requests have found no room, and why. `is_cut`: the last round could not try all."""

    shapes: Mapping[str, tuple[float, str]]
    is_cut: bool


# By the cluster's name.
KNOWN = Cache[str, Found](max_age_s=SWEEP_S)


def recall(runtime: Runtime, cluster: str) -> dict[str, str]:
    """Return the shapes that are not tried now, and why they have found no room."""
    known = KNOWN.get(runtime, cluster)
    if known is None:
        return {}
    since = runtime.now() - (SWEEP_S if known.is_cut else HOLDS_S)
    return {shape: reason for shape, (at, reason) in known.shapes.items() if at > since}


def keep(
    runtime: Runtime,
    cluster: str,
    without_room: Mapping[str, str],
    recalled: Collection[str],
    *,
    is_cut: bool,
) -> None:
    """Keep what a round has found.

    Args:
        recalled: the shapes among them that the round has not tried.
    """
    known, now = KNOWN.get(runtime, cluster), runtime.now()
    before = known.shapes if known else {}
    found = {
        shape: (before[shape][0] if shape in recalled and shape in before else now, reason)
        for shape, reason in without_room.items()
    }
    KNOWN.keep(runtime, cluster, Found(found, is_cut))
