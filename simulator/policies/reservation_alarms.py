"""The usual recipe: CloudWatch alarms on CPU and memory reservation, with step scaling.

Over 75 % for a minute, it adds 10 % of the instances, at least one; over 85 %, 30 %. Under 50 % for 15 minutes, it
removes one. Within the warm-up of 300 s, a larger step adds only the difference (Auto Scaling User Guide, "Step and
simple scaling policies": the steps of its example, and instance warm-up). Metrics arrive a minute late.

A cluster on Spot has two groups of one type: the on-demand one adds instances only over 90 %, which the Spot group
reaches if it gets none, and gives them back first. No source of AWS names the thresholds of such a pair.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from simulator.policies.peer import Look, Pending, look_every
from simulator.world import SimulatedCluster
from steady.scaling.reservation import reservation

NAME = "reservation-alarms"
INTERVAL_S = 60
HIGH_PERCENT = 75.0
LOW_PERCENT = 50.0
LOW_MINUTES = 15
ON_DEMAND_PERCENT = 90.0
# From how many percentage points over the threshold on a step adds how much of the instances.
STEPS = ((0.0, 0.10), (10.0, 0.30))
WARM_UP_S = 300.0
LATE_DATAPOINTS = 1


def start(cluster: SimulatedCluster, pending: Pending) -> None:
    """Run the policy on `cluster`, every `INTERVAL_S` seconds."""
    seen: deque[float] = deque(maxlen=LOW_MINUTES + LATE_DATAPOINTS)
    # When the target was raised, and from how many instances; the same for the on-demand group.
    spot, on_demand = WarmUp(), WarmUp()

    def step(look: Look) -> None:
        # Without instances there is no metric. The alarms of this recipe treat missing data as breaching.
        seen.append(max(reservation(look.snapshot.active)) if look.snapshot.active else 100.0)
        now, pool, datapoints = look.snapshot.at, look.pool, list(seen)[:-LATE_DATAPOINTS]
        if is_low(datapoints):
            seen.clear()
            extra = sorted(pool.on_demand_members & pool.members.keys())[:1]
            if extra:
                look.take(extra)
            else:
                look.ask_for(pool.target - 1)
            return
        first = pool.target - pool.on_demand
        more = wanted(first, datapoints, HIGH_PERCENT, spot.base(first, now))
        part = pool.on_demand
        if look.has_spot_and_on_demand:
            part = wanted(part, datapoints, ON_DEMAND_PERCENT, on_demand.base(part, now))
        if more > first:
            spot.note(first, now)
        if part > pool.on_demand:
            on_demand.note(pool.on_demand, now)
        look.ask_for(more + part, part)

    look_every(INTERVAL_S, NAME, cluster, pending, step)


@dataclass
class WarmUp:
    """When a group was last raised, in seconds since the epoch, and from how many instances."""

    raised_at: float = -math.inf
    before: int = 0

    def base(self, target: int, now: float) -> int:
        """Return the instances that a step counts from: those in their warm-up are left out."""
        return min(self.before, target) if now - self.raised_at < WARM_UP_S else target

    def note(self, target: int, now: float) -> None:
        """Note that the group is raised from `target`. A raise within a warm-up is part of that one."""
        if now - self.raised_at >= WARM_UP_S:
            self.raised_at, self.before = now, target


def wanted(target: int, datapoints: list[float], threshold: float = HIGH_PERCENT, base: int | None = None) -> int:
    """Return the target after the alarm over `threshold` has evaluated `datapoints`.

    Args:
        datapoints: the larger of CPU and memory reservation of each minute, in percent, the oldest first.
        base: how many instances the step counts from; None: `target`.
    """
    over = datapoints[-1] - threshold if datapoints else 0.0
    if over <= 0:
        return target
    base = target if base is None else base
    share = max(more for from_, more in STEPS if over >= from_)
    return max(target, base + max(1, math.floor(base * share)))


def is_low(datapoints: list[float]) -> bool:
    """Whether the alarm under `LOW_PERCENT` has gone off: so many minutes in a row were under it."""
    return len(datapoints) >= LOW_MINUTES and all(percent < LOW_PERCENT for percent in datapoints[-LOW_MINUTES:])
