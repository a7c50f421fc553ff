"""ECS managed scaling (capacity providers), with managed termination protection.

Each minute, the metric CapacityProviderReservation is 100 M / N. N is the number of instances. M is the number that is
needed: instances with tasks, and those on which the tasks in PROVISIONING are packed. The target is 100. One datapoint
over it scales out. 15 datapoints in a row under it remove one instance without tasks (containers-roadmap #1150).
"""

from __future__ import annotations

from simulator.policies.peer import Look, Pending, look_every
from simulator.world import SimulatedCluster
from steady.cluster import Size, TaskShape
from steady.scaling.packing import instances_needed, pack
from steady.scaling.room import Room, room_on

NAME = "managed-scaling"
INTERVAL_S = 60
TARGET = 100.0
DATAPOINTS_UNDER = 15
WARM_UP_S = 300.0


def start(cluster: SimulatedCluster, pending: Pending) -> None:
    """Run the policy on `cluster`, every `INTERVAL_S` seconds."""
    under = 0
    scaled_out_at: float | None = None
    size: Size | None = None

    def step(look: Look) -> None:
        nonlocal under, scaled_out_at, size
        active = look.snapshot.active
        size = active[0].registered if active else size
        busy = sum(i.task_count > 0 for i in active)
        waiting = pack(look.pending, room_on(active, look.snapshot)).left_over
        needed = busy + (needed_for(waiting, size) if size else min(1, len(waiting)))
        metric = reservation(needed, look.pool.target)
        under = under + 1 if metric < TARGET else 0
        warm = scaled_out_at is None or look.snapshot.at - scaled_out_at >= WARM_UP_S
        if metric > TARGET:
            scaled_out_at = look.snapshot.at
            look.ask_for(needed)
        elif under >= DATAPOINTS_UNDER and warm:
            idle = [i.instance_id for i in active if i.task_count == 0 and i.instance_id in look.pool.members]
            look.take(idle[:1])

    look_every(INTERVAL_S, NAME, cluster, pending, step)


def reservation(needed: int, instances: int) -> float:
    """Return CapacityProviderReservation in percent. Without instances, it is 100 if none is needed, else 200."""
    if instances == 0:
        return 100.0 if needed == 0 else 200.0
    return 100.0 * needed / instances


def needed_for(waiting: tuple[TaskShape, ...], size: Size) -> int:
    """Return how many more instances of `size` the tasks in PROVISIONING need."""
    return instances_needed(waiting, Room(size))[0]
