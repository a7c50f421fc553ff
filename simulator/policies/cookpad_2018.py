"""The rules of the 2018 talk as written: each minute, one instance more for each of three reasons.

"Building a steady ECS infrastructure" (Cookpad, 2018): reservation over a threshold, a service that wants more tasks
than it has, a RunTask that failed for want of capacity. Scale-in: reservation under a threshold, one instance less.
The talk gives no thresholds: those of the usual recipe hold (`reservation_alarms`).
"""

from __future__ import annotations

import json

from simulator.policies.peer import Look, Pending, look_every
from simulator.policies.reservation_alarms import HIGH_PERCENT, LOW_MINUTES, LOW_PERCENT
from simulator.world import SimulatedCluster
from steady.cluster import Snapshot
from steady.scaling.reservation import reservation

NAME = "cookpad-2018"
INTERVAL_S = 60


def start(cluster: SimulatedCluster, pending: Pending) -> None:
    low_since: float | None = None

    def step(look: Look) -> None:
        nonlocal low_since
        change = wanted(look.snapshot, _messages(cluster))
        is_low = max(reservation(look.snapshot.active)) < LOW_PERCENT
        if change or not is_low:
            low_since = None
        elif low_since is None:
            low_since = look.snapshot.at
        elif look.snapshot.at - low_since >= LOW_MINUTES * 60:
            low_since, change = look.snapshot.at, -1
        look.ask_for(look.pool.target + change)

    look_every(INTERVAL_S, NAME, cluster, pending, step)


def wanted(snapshot: Snapshot, messages: int) -> int:
    """How many instances more: the three rules add up, whatever is booting already."""
    return sum(
        (
            max(reservation(snapshot.active)) > HIGH_PERCENT,
            any(service.missing for service in snapshot.services),
            messages > 0,
        )
    )


def _messages(cluster: SimulatedCluster) -> int:
    """How many RunTask failures of the cluster came since the last look."""
    queue = cluster.world.suite.failures
    ours = [m for m in queue.messages if json.loads(json.loads(m.body)["Message"])["cluster"] == cluster.name]
    for message in ours:
        queue.messages.remove(message)
    return len(ours)
