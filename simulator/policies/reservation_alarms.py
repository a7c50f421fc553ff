"""The usual recipe: CloudWatch alarms on CPU and memory reservation, with step scaling.

Over 75 % for a minute, it adds 10 % of the instances, at least one. Under 50 % for 15 minutes, it removes one. The
cooldown is 300 s, and metrics arrive a minute late.
"""

from __future__ import annotations

import math
from collections import deque

from simulator.policies.peer import Look, Pending, look_every
from simulator.world import SimulatedCluster
from steady.scaling.reservation import reservation

NAME = "reservation-alarms"
INTERVAL_S = 60
HIGH_PERCENT = 75.0
LOW_PERCENT = 50.0
LOW_MINUTES = 15
COOLDOWN_S = 300.0
LATE_DATAPOINTS = 1


def start(cluster: SimulatedCluster, pending: Pending) -> None:
    """Run the policy on `cluster`, every `INTERVAL_S` seconds."""
    seen: deque[float] = deque(maxlen=LOW_MINUTES + LATE_DATAPOINTS)
    changed_at: float | None = None

    def step(look: Look) -> None:
        nonlocal changed_at
        # Without instances there is no metric. The alarms of this recipe treat missing data as breaching.
        seen.append(max(reservation(look.snapshot.active)) if look.snapshot.active else 100.0)
        if changed_at is not None and look.snapshot.at - changed_at < COOLDOWN_S:
            return
        target = wanted(look.pool.target, list(seen)[:-LATE_DATAPOINTS])
        if target != look.pool.target:
            changed_at = look.snapshot.at
            look.ask_for(target)

    look_every(INTERVAL_S, NAME, cluster, pending, step)


def wanted(target: int, datapoints: list[float]) -> int:
    """Return the target after the alarms have evaluated `datapoints`.

    Args:
        datapoints: the larger of CPU and memory reservation of each minute, in percent, the oldest first.
    """
    if datapoints and datapoints[-1] > HIGH_PERCENT:
        return target + max(1, math.floor(target / 10))
    if len(datapoints) >= LOW_MINUTES and all(percent < LOW_PERCENT for percent in datapoints[-LOW_MINUTES:]):
        return target - 1
    return target
