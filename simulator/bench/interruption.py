"""Measure the service-out of a whole Spot Fleet at once."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass
from typing import Any

from simulator import peers
from simulator.ec2 import Ec2Instance
from simulator.ecs.state import Task
from simulator.instance_types import registered_size
from simulator.world import SimulatedCluster, World

INSTANCE_TYPE = "m5.2xlarge"
# All notices come within this many seconds.
NOTICES_WITHIN_S = 5.0
# The kinds of nine tasks on an instance: behind a load balancer; batch; of a service without targets; daemon.
KINDS = ("balanced",) * 6 + ("batch", "plain", "daemon")
BALANCED_SERVICES = 12
BATCH_RUN_S = 3600.0


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """Times of one instance's service-out: its notice, its last deregistered target, its last stopped task."""

    notice_at: float
    deregistered_at: float
    stopped_at: float


def interruption(instances: int, tasks: int, seed: int = 0, handling: str = "steady") -> dict[str, Any]:
    """Reclaim a whole Spot Fleet within 5 s, and return the figures of its service-out.

    Args:
        instances: how many instances the fleet has. All of them are reclaimed.
        tasks: how many tasks run on each instance; their kinds are those of `KINDS` in turn.
        handling: how the reclaim is handled: one of `peers.HANDLINGS`.

    Returns:
        The figures that docs/simulator.md explains. `deregistered_s` and `stopped_s` are those of the slowest
        instance, from its own notice.
    """
    world, cluster = _full_fleet(instances, tasks, seed)
    peers.HANDLINGS[handling](world)
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
        "api_calls": dict(sorted(counts.calls.items())),
        "api_calls_total": counts.calls.total(),
        "api_calls_floor": floor_of(instances, tasks),
        "throttled": counts.throttled,
        "step_cpu_seconds": round(steps.longest_cpu_s, 3),
    }


def memory_mib(instances: int, tasks: int, seed: int = 0) -> float:
    """Return the peak of the memory that the same reclaim allocates, in MiB, with the simulated account included.

    Modules and service models, which a process loads once, are not counted.
    """
    interruption(1, tasks, seed)
    world, cluster = _full_fleet(instances, tasks, seed)
    tracemalloc.start()
    _reclaim(cluster)
    world.run(NOTICES_WITHIN_S + 150)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return peak


def _full_fleet(instances: int, tasks: int, seed: int) -> tuple[World, SimulatedCluster]:
    world = World(seed, duplicates=0.0, scaling=False)
    cluster = world.spot_cluster("fleet", instances, INSTANCE_TYPE)
    _fill(cluster, tasks)
    world.run(60)
    return world, cluster


def _reclaim(cluster: SimulatedCluster) -> list[Ec2Instance]:
    """Reclaim all instances, one after the other within `NOTICES_WITHIN_S`, and return them."""
    world, doomed = cluster.world, cluster.ec2_instances()
    for index, instance in enumerate(doomed):
        world.clock.after(index * NOTICES_WITHIN_S / len(doomed), lambda i=instance: world.account.fleets.reclaim([i]))  # type: ignore[misc]
    return doomed


def floor_of(instances: int, tasks: int) -> int:
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
    groups = BALANCED_SERVICES if balanced else 0
    services = groups + ("plain" in kinds) + ("daemon" in kinds)
    replicas = instances * (kinds.count("balanced") + kinds.count("plain"))
    return sum(
        (
            _calls(instances, 200) + 1,
            2 * _calls(instances, 100) + _calls(instances, 10),
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


def _fill(cluster: SimulatedCluster, tasks: int) -> None:
    """Fill each instance with `tasks` tasks, so that no task can move to an instance that is reclaimed later."""
    start = cluster.world.account.scheduler.start
    whole = registered_size(INSTANCE_TYPE)
    cpu, memory = whole.cpu_units // tasks, whole.memory_mib // tasks
    balanced = [
        cluster.service(f"api-{number}", 0, cpu=cpu, memory=memory, requests_per_s=2.0)
        for number in range(BALANCED_SERVICES)
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
