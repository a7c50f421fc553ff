"""The rules of the 2018 talk as written: each minute, one instance more for each of three reasons.

"Building a steady ECS infrastructure" (Cookpad, 2018): reservation over a threshold, a service that wants more tasks
than it has, a RunTask that failed for want of capacity. Scale-in: reservation under a threshold, one instance less.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from simulator.world import SimulatedCluster
from steady import scale_in
from steady.aws import capacity, evaluation
from steady.cluster import Snapshot
from steady.thresholds import Thresholds

INTERVAL_S = 60


@dataclass
class Low:
    """Since when the reservation has been low."""

    since: float | None = None


def start(cluster: SimulatedCluster) -> None:
    clock, runtime = cluster.world.clock, cluster.world.suite.runtime("cookpad-2018")
    low = Low()

    def look() -> None:
        settings = evaluation.settings(runtime, cluster.name)
        snapshot = evaluation.look(runtime, settings)
        target = wanted(snapshot, _messages(cluster), low, settings.thresholds)
        if target != snapshot.pool.target:
            capacity.set_target(runtime, snapshot.pool, target)

    clock.every(INTERVAL_S, lambda: clock.spawn(look))


def wanted(snapshot: Snapshot, messages: int, low: Low, thresholds: Thresholds) -> int:
    """The target after one look: the rules add up, whatever is booting already."""
    cpu, memory = scale_in.reservation(snapshot.active)
    reasons = (
        cpu > thresholds.cpu_reservation_high or memory > thresholds.memory_reservation_high,
        any(service.missing for service in snapshot.services),
        messages > 0,
    )
    target = snapshot.pool.target + sum(reasons)
    if any(reasons) or not scale_in.is_low(snapshot, thresholds):
        low.since = None
    elif low.since is None:
        low.since = snapshot.at
    elif snapshot.at - low.since >= thresholds.scale_in_after_seconds:
        low.since = snapshot.at
        target -= 1
    pool = snapshot.pool
    return max(pool.minimum, thresholds.min_capacity, min(target, pool.maximum, thresholds.max_capacity))


def _messages(cluster: SimulatedCluster) -> int:
    """How many RunTask failures of the cluster came since the last look."""
    queue = cluster.world.suite.failures
    ours = [m for m in queue.messages if json.loads(json.loads(m.body)["Message"])["cluster"] == cluster.name]
    for message in ours:
        queue.messages.remove(message)
    return len(ours)
