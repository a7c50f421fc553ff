"""How many instances the pools of a simulated cluster begin with: those for its first services."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from simulator.instance_types import registered_size
from simulator.workload.plan import ClusterPlan, ServiceChange
from simulator.workload.pool_plan import PoolPlan, holds
from steady.cluster import NOTHING, Size

# Of the instances, so much is reserved at first.
RESERVED = 0.8


def instances_at_first(services: Sequence[ServiceChange], size: Size) -> int:
    """Return how many instances of `size` the first services need."""
    wanted = {change.service: change for change in sorted(services, key=lambda s: s.at_s) if change.at_s <= 0}
    first = sum((change.size * change.desired for change in wanted.values()), NOTHING)
    return math.ceil(max(first.cpu_units / size.cpu_units, first.memory_mib / size.memory_mib) / RESERVED)


def with_first_instances(plan: ClusterPlan) -> Mapping[str, PoolPlan]:
    """Return the pools of `plan`, each with instances for the first services that no pool before it holds.

    A pool begins with what its plan says, if that is more.
    """
    left, found = list(plan.services), {}
    for name, pool in plan.pools.items():
        type_ = next(iter(pool.types))
        here = [change for change in left if holds(type_, change)]
        left = [change for change in left if change not in here]
        units = pool.types[type_] * instances_at_first(here, registered_size(type_))
        most = pool.parameters.get("max_capacity", units)
        found[name] = replace(pool, instances=max(pool.instances, min(units, most)))
    return found
