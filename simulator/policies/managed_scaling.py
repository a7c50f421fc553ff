"""ECS managed scaling (capacity providers), with managed termination protection.

Each minute, the metric CapacityProviderReservation is 100 M / N. N is the number of instances. M is the number that is
needed: instances with tasks, and those on which the tasks in PROVISIONING are packed. The target is 100. One datapoint
over it scales out. After 15 datapoints in a row under it, each further one removes instances without tasks, at most
half of the group at a time (AWS Containers Blog, "Faster Scaling-in for Amazon ECS Cluster Auto Scaling", September
2022; 5 % before, which is the one at a time of containers-roadmap #1150). The 15 minutes cannot be set (#1928).

`managed-scaling` has the defaults: one provider, target capacity 100, a step of at least one instance.
`managed-scaling-two-providers` is how it is run with on-demand capacity: a Spot provider and an on-demand one, with a
base of one on-demand and weights of 1 : 4, and target capacity 90, which keeps a tenth free (ECS API, ManagedScaling
and CapacityProviderStrategyItem). A strategy is no fallback: where Spot is short, its tasks stay in PROVISIONING
(containers-roadmap #773). Kept simple, in its favour: the tasks of both providers may run on the instances of either.
"""

from __future__ import annotations

import math

from simulator.policies.peer import Look, Pending, look_every
from simulator.world import SimulatedCluster
from steady.cluster import Size, TaskShape
from steady.scaling.packing import instances_needed, pack
from steady.scaling.room import Room, room_on

NAME = "managed-scaling"
INTERVAL_S = 60
# The target capacities, in percent: ECS's default, and the one of the pool with two providers.
TARGET, TARGET_TWO_PROVIDERS = 100.0, 90.0
NAME_TWO_PROVIDERS = "managed-scaling-two-providers"
DATAPOINTS_UNDER = 15
WARM_UP_S = 300.0
# Target tracking scales in under 90 % of its target; with a target capacity of 100, under 100 (AWS Containers Blog,
# "Deep dive on Amazon ECS cluster auto scaling"; Auto Scaling User Guide, "Target tracking scaling policies").
LOW_SHARE = 0.9
# A step of scale-in removes at most this share of the group.
SCALE_IN_SHARE = 0.5
BASE, WEIGHTS = 1, (1, 4)


def start(cluster: SimulatedCluster, pending: Pending) -> None:
    """Run the policy on `cluster`, every `INTERVAL_S` seconds."""
    _start(cluster, pending, NAME, TARGET)


def start_two_providers(cluster: SimulatedCluster, pending: Pending) -> None:
    """Run the policy on `cluster` with a part of on-demand instances, if its pool can have one."""
    _start(cluster, pending, NAME_TWO_PROVIDERS, TARGET_TWO_PROVIDERS, on_demand_part=True)


def _start(
    cluster: SimulatedCluster, pending: Pending, name: str, target: float, *, on_demand_part: bool = False
) -> None:
    under = 0
    scaled_out_at: float | None = None
    size: Size | None = None
    low = target if target == 100 else LOW_SHARE * target

    def step(look: Look) -> None:
        nonlocal under, scaled_out_at, size
        active = look.snapshot.active
        size = active[0].registered if active else size
        busy = sum(i.task_count > 0 for i in active)
        waiting = pack(look.pending, room_on(active, look.snapshot)).left_over
        needed = busy + (needed_for(waiting, size) if size else min(1, len(waiting)))
        wanted = math.ceil(100 * needed / target)
        metric = reservation(needed, look.pool.target)
        under = under + 1 if metric < low else 0
        warm = scaled_out_at is None or look.snapshot.at - scaled_out_at >= WARM_UP_S
        if metric > target:
            scaled_out_at = look.snapshot.at
            part = on_demand_of(wanted) if on_demand_part and look.has_spot_and_on_demand else 0
            look.ask_for(wanted, max(part, look.pool.on_demand))
        elif under >= DATAPOINTS_UNDER and warm:
            idle = [i.instance_id for i in active if i.task_count == 0 and i.instance_id in look.pool.members]
            look.take(idle[: scale_in_step(look.pool.target, wanted)])

    look_every(INTERVAL_S, name, cluster, pending, step)


def on_demand_of(instances: int) -> int:
    """Return how many of `instances` the strategy buys on-demand: the base, and one for each `WEIGHTS` of the rest.

    >>> [on_demand_of(many) for many in (0, 1, 2, 6, 11)]
    [0, 1, 2, 2, 3]
    """
    first, second = WEIGHTS
    return min(instances, BASE + math.ceil(max(0, instances - BASE) * first / (first + second)))


def scale_in_step(instances: int, wanted: int) -> int:
    """Return how many of `instances` one step of scale-in removes at most, where `wanted` are wanted.

    >>> [scale_in_step(334, 34), scale_in_step(42, 34), scale_in_step(1, 0), scale_in_step(3, 4)]
    [167, 8, 1, 0]
    """
    return max(0, min(instances - wanted, max(1, math.floor(SCALE_IN_SHARE * instances))))


def reservation(needed: int, instances: int) -> float:
    """Return CapacityProviderReservation in percent. Without instances, it is 100 if none is needed, else 200."""
    if instances == 0:
        return 100.0 if needed == 0 else 200.0
    return 100.0 * needed / instances


def needed_for(waiting: tuple[TaskShape, ...], size: Size) -> int:
    """Return how many more instances of `size` the tasks in PROVISIONING need."""
    return instances_needed(waiting, Room(size))[0]
