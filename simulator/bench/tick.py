"""One tick of a large cluster that rests."""

from __future__ import annotations

import gc
import math
import statistics
import tracemalloc
from typing import Any

from simulator.bench.interruption import INSTANCE_TYPE
from simulator.instance_types import registered_size
from simulator.world import SimulatedCluster, World
from steady.cluster import Size


def tick(instances: int, services: int, tasks: int, ticks: int = 3, seed: int = 0) -> dict[str, Any]:
    """One tick, after the first that learns the cluster.

    Args:
        instances: of the cluster, all registered.
        services: of it, with the tasks spread over them and over the instances.
        ticks: how many are measured; the median counts.

    Returns:
        The contract's figures: `seconds` of CPU that the function's own code takes, less the simulated account's
        answers, `peak_mib` of memory that it allocates, and `api_calls` of one tick.
    """
    world = World(seed, duplicates=0.0)
    cluster = world.group_cluster(
        "large", instances, INSTANCE_TYPE, minimum=instances, min_capacity=instances, max_capacity=2 * instances
    )
    _spread(cluster, services, tasks)
    function = world.suite.autoscaler
    assert function
    world.account.endpoint.timed = True
    counts = world.account.endpoint.counted(function.name)
    seconds, calls = [], {}
    # A collector's pass through the simulated account is not the function's.
    gc.collect()
    gc.freeze()
    for number in range(ticks + 2):
        # The first learns what never changes; the last is measured by what it allocates.
        last = number == ticks + 1
        before, answered_s = counts.calls.copy(), counts.answers_cpu_s
        function.longest_cpu_s = 0.0
        if last:
            tracemalloc.start()
        world.run(60)
        assert not function.failures, function.failures
        if not last and number:
            seconds.append(function.longest_cpu_s - (counts.answers_cpu_s - answered_s))
            calls = dict(sorted((counts.calls - before).items()))
    peak_mib = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    gc.unfreeze()
    return {
        "instances": instances,
        "services": services,
        "tasks": tasks,
        "seconds": round(statistics.median(seconds), 3),
        "peak_mib": round(peak_mib, 1),
        "api_calls": calls,
        "api_calls_total": sum(calls.values()),
    }


def _spread(cluster: SimulatedCluster, services: int, tasks: int) -> None:
    """Puts `tasks` tasks of `services` services on the instances, each in turn, half of which they fill."""
    start = cluster.world.account.scheduler.start
    here = cluster.instances()
    whole = registered_size(INSTANCE_TYPE)
    each = 2 * math.ceil(tasks / len(here))
    size = Size(whole.cpu_units // each, whole.memory_mib // each)
    made = [
        cluster.service(f"service-{number}", 0, cpu=size.cpu_units, memory=size.memory_mib)
        for number in range(services)
    ]
    for number in range(tasks):
        service = made[number % services]
        service.desired += 1
        start(here[number % len(here)], service.definition, f"service:{service.name}")
