"""The rules of a talk of 2018, "Building a steady ECS infrastructure" (Cookpad).

Each minute, it adds one instance for each of three reasons: reservation over a threshold; a service that has fewer
tasks than it wants; a RunTask that failed because capacity was missing. If reservation is under a threshold, it removes
one instance. The talk gives no thresholds, so those of `reservation_alarms` are used.
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
    """Run the policy on `cluster`, every `INTERVAL_S` seconds."""
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
    """Return how many instances to add. The three rules add up, and booting instances are not counted.

    Args:
        messages: how many RunTask failures arrived since the last look.
    """
    return sum(
        (
            max(reservation(snapshot.active)) > HIGH_PERCENT,
            any(service.missing for service in snapshot.services),
            messages > 0,
        )
    )


def _messages(cluster: SimulatedCluster) -> int:
    """Count the RunTask failures of the cluster since the last look, and remove them from the queue."""
    queue = cluster.world.suite.failures
    ours = [m for m in queue.messages if json.loads(json.loads(m.body)["Message"])["cluster"] == cluster.name]
    for message in ours:
        queue.messages.remove(message)
    return len(ours)
