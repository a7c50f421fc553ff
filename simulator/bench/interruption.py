"""Measure the service-out of a whole Spot Fleet at once."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator import peers
from simulator.bench.physical_limit import Stoppable, physical_limit
from simulator.ec2 import Ec2Instance
from simulator.ecs.state import Task
from simulator.instance_types import registered_size
from simulator.load_balancing import LONGEST_REQUEST_S
from simulator.spot_market import NOTICE_S
from simulator.target_groups import PROPAGATION_S
from simulator.timing import DEFAULT, Timing
from simulator.world import SimulatedCluster, World
from steady.pools import PoolKind

INSTANCE_TYPE = "m5.2xlarge"
# All notices come within this many seconds.
NOTICES_WITHIN_S = 5.0
# The kinds of nine tasks on an instance: behind a load balancer; batch; of a service without targets; daemon.
KINDS = ("balanced",) * 6 + ("batch", "plain", "daemon")
TARGET_GROUPS = 12
BATCH_RUN_S = 3600.0
# The calls of every handling, one after the other, of which the last is the first StopTask on an instance: its
# container instance is found and drained, and its tasks are listed.
CALLS_TO_STOP = 4
INSTANCES_A_DRAIN = 10


@dataclass(frozen=True, slots=True)
class Fleet:
    """The fleet that is reclaimed.

    Attributes:
        tasks: how many tasks run on each instance; their kinds are those of `KINDS` in turn.
        target_groups: how many services are behind a load balancer. Each has its own target group.
        delay_s: the deregistration delay of each target group, in seconds (ELB: 300 unless it is set).
    """

    instances: int
    tasks: int
    target_groups: int = TARGET_GROUPS
    delay_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """Times of one instance's service-out: its notice, its last deregistered target, its last stopped task."""

    notice_at: float
    deregistered_at: float
    stopped_at: float


def interruption(
    instances: int,
    tasks: int,
    seed: int = 0,
    handling: str = "steady",
    *,
    timing: Timing = DEFAULT,
    target_groups: int = TARGET_GROUPS,
    delay_s: float = 300.0,
    pool: PoolKind = PoolKind.SPOT_FLEET,
) -> dict[str, Any]:
    """Reclaim a whole pool of Spot instances within 5 s, and return the figures of its service-out.

    Args:
        instances, tasks, target_groups, delay_s: as in `Fleet`. All instances are reclaimed.
        handling: how the reclaim is handled: one of `peers.HANDLINGS`.
        timing: the timing of the simulated account.
        pool: a Spot Fleet, or an Auto Scaling group of Spot Instances.

    Returns:
        The figures of docs/interruption-benchmark.md. `deregistered_s` and `stopped_s` are those of the slowest
        instance, from its own notice. `physical_limit_tasks` is the most tasks that any handling could stop in time: a
        task may take its whole stop timeout, which must end before its instance is terminated; StopTask has 100 calls
        at once and 40 a second, together with the drains; and an instance's first stop comes a cold start and
        `CALLS_TO_STOP` calls after its notice (`simulator.bench.physical_limit`).
        `unserved_requests` are those that arrived at a target group while it had no target: the whole fleet goes, so
        they arrive with any handling until replacements run.
    """
    fleet = Fleet(instances, tasks, target_groups, delay_s)
    world, cluster = _full_fleet(fleet, seed, timing, pool)
    peers.HANDLINGS[handling](world)
    world.clock.timed = True
    tasks_of: dict[str, list[Task]] = {i.id: [] for i in cluster.ec2_instances()}
    for task in cluster.tasks():
        tasks_of[task.instance.ec2_id].append(task)
    doomed = _reclaim(cluster)
    stopped: dict[str, float] = {}
    world.account.scheduler.observer.stopped = lambda task: stopped.update({task.arn: world.clock.now})
    world.run(NOTICES_WITHIN_S + 150)
    ends = [_reclaimed(instance, tasks_of[instance.id], stopped) for instance in doomed]
    counts = world.account.endpoint.total()
    steps = world.suite.interruption_handler
    return {
        "handling": handling,
        "instances": instances,
        "deregistered_s": round(max(e.deregistered_at - e.notice_at for e in ends), 2),
        "stopped_s": round(max(e.stopped_at - e.notice_at for e in ends), 2),
        "tasks": sum(len(found) for found in tasks_of.values()),
        "tasks_killed_in_service": world.account.killed_tasks,
        "failed_requests": world.account.balancing.failed_requests,
        "unserved_requests": world.account.balancing.unserved_requests,
        "physical_limit_tasks": _physical_limit(doomed, tasks_of, timing),
        "api_calls": dict(sorted(counts.calls.items())),
        "api_calls_total": counts.calls.total(),
        "api_calls_floor": floor_of(instances, tasks, target_groups),
        "throttled": counts.throttled,
        "step_cpu_seconds": round(steps.longest_cpu_s, 3),
    }


def memory_mib(instances: int, tasks: int, seed: int = 0) -> float:
    """Return the peak of the memory that the same reclaim allocates, in MiB, with the simulated account included.

    Modules and service models, which a process loads once, are not counted.
    """
    interruption(1, tasks, seed)
    world, cluster = _full_fleet(Fleet(instances, tasks), seed, DEFAULT, PoolKind.SPOT_FLEET)
    tracemalloc.start()
    _reclaim(cluster)
    world.run(NOTICES_WITHIN_S + 150)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return peak


def _full_fleet(fleet: Fleet, seed: int, timing: Timing, pool: PoolKind) -> tuple[World, SimulatedCluster]:
    world = World(seed, duplicates=0.0, scaling=False, timing=timing)
    # The operator knows how long the longest request takes.
    drain_seconds = math.ceil(LONGEST_REQUEST_S + PROPAGATION_S)
    cluster = world.cluster(pool, "fleet", fleet.instances, INSTANCE_TYPE, on_spot=True, drain_seconds=drain_seconds)
    _fill(cluster, fleet)
    world.run(60)
    return world, cluster


def _physical_limit(doomed: list[Ec2Instance], tasks_of: Mapping[str, list[Task]], timing: Timing) -> int:
    reached_s = timing.cold_start_s + CALLS_TO_STOP * timing.latency_s
    tasks = [
        Stoppable.of(instance.doomed_at, instance.doomed_at + NOTICE_S, task.definition.stop_timeout_s, reached_s)
        for instance in doomed
        for task in tasks_of[instance.id]
        if instance.doomed_at is not None
    ]
    return physical_limit(tasks, drains=_calls(len(doomed), INSTANCES_A_DRAIN))


def _reclaim(cluster: SimulatedCluster) -> list[Ec2Instance]:
    """Reclaim all instances, one after the other within `NOTICES_WITHIN_S`, and return them."""
    world, doomed = cluster.world, cluster.ec2_instances()
    for index, instance in enumerate(doomed):
        world.clock.after(index * NOTICES_WITHIN_S / len(doomed), lambda i=instance: world.account.spot.reclaim([i]))  # type: ignore[misc]
    return doomed


def floor_of(instances: int, tasks: int, target_groups: int = TARGET_GROUPS) -> int:
    """Return the fewest calls of any handling that deregisters targets before it stops tasks.

    Everything is read once, in the largest batches:

    - one call for each 200 instances to find their fleet, and one to find the fleet's cluster;
    - container instances: listed and described by 100, drained by 10;
    - tasks: listed by instance or by cluster, which takes fewer calls; described by 100;
    - services: described by 10; each task definition once; protection of tasks by 100;
    - targets of each target group: described, deregistered, and described again, by 100;
    - one StopTask for each task;
    - one continuation message, and one trigger of the autoscaler.
    """
    kinds = [KINDS[number % len(KINDS)] for number in range(tasks)]
    whole = instances * tasks
    balanced = instances * kinds.count("balanced")
    groups = target_groups if balanced else 0
    services = groups + ("plain" in kinds) + ("daemon" in kinds)
    replicas = instances * (kinds.count("balanced") + kinds.count("plain"))
    return sum(
        (
            _calls(instances, 200) + 1,
            2 * _calls(instances, 100) + _calls(instances, INSTANCES_A_DRAIN),
            min(instances, _calls(whole, 100)) + _calls(whole, 100),
            _calls(services, 10) + services + ("batch" in kinds) + _calls(replicas, 100),
            3 * groups * _calls(balanced // groups if groups else 0, 100),
            whole,
            2,
        )
    )


def _calls(things: int, a_call: int) -> int:
    return -(-things // a_call)


def _reclaimed(instance: Ec2Instance, tasks: list[Task], stopped: dict[str, float]) -> Reclaimed:
    assert instance.doomed_at is not None, f"{instance.id} was never reclaimed"
    left = [target.deregistered_at for task in tasks for target in task.targets]
    return Reclaimed(
        instance.doomed_at,
        max((at for at in left if at is not None), default=instance.doomed_at),
        max((stopped[t.arn] for t in tasks), default=instance.doomed_at),
    )


def _fill(cluster: SimulatedCluster, fleet: Fleet) -> None:
    """Fill each instance with tasks, so that no task can move to an instance that is reclaimed later."""
    tasks = fleet.tasks
    start = cluster.world.account.scheduler.start
    whole = registered_size(INSTANCE_TYPE)
    cpu, memory = whole.cpu_units // tasks, whole.memory_mib // tasks
    balanced = [
        cluster.service(f"api-{number}", 0, cpu=cpu, memory=memory, requests_per_s=2.0, delay_s=fleet.delay_s)
        for number in range(fleet.target_groups)
    ]
    plain = cluster.service("worker", 0, cpu=cpu, memory=memory)
    batch = cluster.define("batch", cpu, memory)
    if tasks >= len(KINDS):
        cluster.daemon("fluentd", cpu=cpu, memory=memory)
    for index, instance in enumerate(cluster.instances()):
        for number in range(tasks - len(instance.tasks)):
            kind = KINDS[number % len(KINDS)]
            if kind == "batch":
                start(instance, batch, "family:batch", BATCH_RUN_S)
                continue
            service = balanced[(index * tasks + number) % len(balanced)] if kind == "balanced" else plain
            service.desired += 1
            start(instance, service.definition, f"service:{service.name}")
