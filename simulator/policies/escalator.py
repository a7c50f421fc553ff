"""Escalator (Atlassian): utilisation of requests over capacity, taints, and a lock while new nodes boot.

Each minute, use = max(CPU %, memory %) of what runs and waits, over the untainted nodes. Over 70 %:
ceil(n (use - 70) / 70) nodes more, tainted ones taken back first. Under 45 %: two of the oldest are tainted, under 30 %
five. A tainted node goes once it is empty after a minute, or after ten whatever runs on it.
"""

from __future__ import annotations

import math

from simulator.policies.peer import Look, Pending, look_every
from simulator.world import SimulatedCluster
from steady.aws.ecs.container_instances import set_active, set_draining
from steady.cluster import NOTHING, ContainerInstance, InstanceStatus

NAME = "escalator"
INTERVAL_S = 60
UP_PERCENT = 70.0
SLOW_PERCENT, SLOW_NODES = 45.0, 2
FAST_PERCENT, FAST_NODES = 30.0, 5
SOFT_GRACE_S = 60.0
HARD_GRACE_S = 600.0


def start(cluster: SimulatedCluster, pending: Pending) -> None:
    tainted_at: dict[str, float] = {}
    locked_until_target = 0

    def step(look: Look) -> None:
        nonlocal locked_until_target
        now, runtime = look.snapshot.at, look.runtime
        draining = {i.arn: i for i in look.snapshot.instances if i.status is InstanceStatus.DRAINING}
        for arn in set(tainted_at) - set(draining):
            del tainted_at[arn]
        tainted = [draining[arn] for arn in tainted_at]
        _reap(look, tainted, tainted_at)
        if len(look.snapshot.active) + len(tainted) < locked_until_target:
            return
        locked_until_target = 0
        nodes = list(look.snapshot.active)
        change = wanted(len(nodes), utilisation(nodes, look))
        if change > 0:
            back = [i.arn for i in tainted[:change]]
            set_active(runtime, cluster.name, back)
            for arn in back:
                del tainted_at[arn]
            if change > len(back):
                locked_until_target = look.within_bounds(look.pool.target + change - len(back))
                look.ask_for(locked_until_target)
        elif change < 0:
            room = look.pool.target - len(tainted_at) - look.within_bounds(0)
            oldest = [i.arn for i in nodes[: max(0, min(-change, room))]]
            set_draining(runtime, cluster.name, oldest)
            tainted_at.update(dict.fromkeys(oldest, now))

    look_every(INTERVAL_S, NAME, cluster, pending, step)


def wanted(nodes: int, percent: float) -> int:
    """How many nodes to add, or (negative) to taint, at a utilisation of `percent`."""
    if nodes == 0:
        return 1 if percent > 0 else 0
    if percent > UP_PERCENT:
        return math.ceil(nodes * (percent - UP_PERCENT) / UP_PERCENT)
    if percent < FAST_PERCENT:
        return -FAST_NODES
    return -SLOW_NODES if percent < SLOW_PERCENT else 0


def utilisation(nodes: list[ContainerInstance], look: Look) -> float:
    """What runs and waits, over what the untainted nodes hold, in percent; 100 if something waits and none is there."""
    total = sum((i.registered for i in nodes), NOTHING)
    used = sum((i.reserved for i in nodes), NOTHING) + sum((t.size for t in look.pending), NOTHING)
    if total == NOTHING:
        return 100.0 if look.pending else 0.0
    return max(100 * used.cpu_units / total.cpu_units, 100 * used.memory_mib / total.memory_mib)


def _reap(look: Look, tainted: list[ContainerInstance], tainted_at: dict[str, float]) -> None:
    now = look.snapshot.at
    gone = [
        i
        for i in tainted
        if (i.task_count == 0 and now - tainted_at[i.arn] >= SOFT_GRACE_S) or now - tainted_at[i.arn] >= HARD_GRACE_S
    ]
    look.take([i.instance_id for i in gone if i.instance_id in look.pool.members])
