"""Escalator (Atlassian), with its default thresholds.

Each minute, it computes the use: running and waiting tasks in percent of the untainted nodes' capacity, by CPU or
memory, whichever is larger. Over 70 %, it adds ceil(n (use - 70) / 70) nodes to n nodes, and takes tainted nodes back
first. It then waits until the new nodes have booted. Under 45 %, it taints the two oldest nodes; under 30 %, five. A
tainted node is terminated after one minute if it is empty, and after ten minutes in any case.
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
    """Run the policy on `cluster`, every `INTERVAL_S` seconds."""
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
    """Return how many nodes to add or, if negative, to taint at a utilisation of `percent`."""
    if nodes == 0:
        return 1 if percent > 0 else 0
    if percent > UP_PERCENT:
        return math.ceil(nodes * (percent - UP_PERCENT) / UP_PERCENT)
    if percent < FAST_PERCENT:
        return -FAST_NODES
    return -SLOW_NODES if percent < SLOW_PERCENT else 0


def utilisation(nodes: list[ContainerInstance], look: Look) -> float:
    """Return the use in percent: running and waiting tasks, of the capacity of the untainted nodes.

    Without nodes, it is 100 if a task waits, else 0.
    """
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
