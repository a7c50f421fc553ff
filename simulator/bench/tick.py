"""Measure one tick of a large cluster in which nothing changes."""

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
    """Measure a tick of a cluster, after a first tick that fills the function's caches.

    Args:
        instances: how many container instances the cluster has.
        services: how many services. Tasks are spread evenly over services and instances.
        tasks: how many tasks, of all services together.
        ticks: how many ticks are measured; `seconds` is their median.

    Returns:
        `seconds`: CPU time of the function's own code, without the answers of the simulated account; `peak_mib`: memory
        that it allocates; `api_calls` of one tick and their number `api_calls_total`.
    """
    world = World(seed, duplicates=0.0)
    cluster = world.group_cluster(
        "large", instances, INSTANCE_TYPE, minimum=instances, min_capacity=instances, max_capacity=2 * instances
    )
    _spread(cluster, services, tasks)
    function = world.suite.autoscaler
    assert function
    world.clock.timed = True
    counts = world.account.endpoint.counted(function.name)
    seconds, calls = [], {}
    # The garbage collector shall not look through the simulated account while the function is measured.
    gc.collect()
    gc.freeze()
    for number in range(ticks + 2):
        # The first tick fills the caches. The last tick is measured for memory only, which slows it down.
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
    """Start `tasks` tasks of `services` services on the instances in turn. They fill half of each instance."""
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
