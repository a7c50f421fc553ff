"""The service-out of a whole fleet at once."""

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
NOTICES_WITHIN_S = 5.0
# Of nine tasks on an instance: six behind a load balancer, one service without, one batch task, one daemon.
KINDS = ("balanced",) * 6 + ("batch", "plain", "daemon")
BALANCED_SERVICES = 12
BATCH_RUN_S = 3600.0


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """One instance's end: when its notice came, its targets were all deregistered, and its tasks had all stopped."""

    notice_at: float
    deregistered_at: float
    stopped_at: float


def interruption(instances: int, tasks: int, seed: int = 0, handling: str = "steady") -> dict[str, Any]:
    """Takes a whole Spot Fleet back within 5 s, and says how its service-out went.

    Args:
        instances: of the fleet, all of them taken.
        tasks: on each instance, of the kinds of `KINDS` in turn.
        handling: who handles it: one of `peers.HANDLINGS`.

    Returns:
        The contract's figures; `deregistered_s` and `stopped_s` are the slowest instance's, from its own notice.
    """
    world, cluster = _ready(instances, tasks, seed)
    peers.HANDLINGS[handling](world)
    here: dict[str, list[Task]] = {i.id: [] for i in cluster.ec2_instances()}
    for task in cluster.tasks():
        here[task.instance.ec2_id].append(task)
    doomed = _reclaim(cluster)
    stopped: dict[str, float] = {}
    world.account.scheduler.observer.stopped = lambda task: stopped.update({task.arn: world.clock.now})
    world.run(NOTICES_WITHIN_S + 150)
    ends = [_end(instance, here[instance.id], stopped) for instance in doomed]
    counts = world.account.endpoint.total()
    steps = world.suite.interruption_handler
    return {
        "handling": handling,
        "instances": instances,
        "deregistered_s": round(max(e.deregistered_at - e.notice_at for e in ends), 2),
        "stopped_s": round(max(e.stopped_at - e.notice_at for e in ends), 2),
        "tasks": sum(len(found) for found in here.values()),
        "tasks_killed_in_service": world.account.killed_tasks,
        "failed_requests": world.account.balancing.failed_requests,
        "api_calls": dict(sorted(counts.calls.items())),
        "api_calls_total": counts.calls.total(),
        "api_calls_floor": floor_of(instances, tasks),
        "throttled": counts.throttled,
        "step_cpu_seconds": round(steps.longest_cpu_s, 3),
    }


def memory_mib(instances: int, tasks: int, seed: int = 0) -> float:
    """The most memory, in MiB, that the same reclaim allocates at once, the simulated account's own included.

    What a process loads once, the service models above all, is not in it.
    """
    interruption(1, tasks, seed)
    world, cluster = _ready(instances, tasks, seed)
    tracemalloc.start()
    _reclaim(cluster)
    world.run(NOTICES_WITHIN_S + 150)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return peak


def _ready(instances: int, tasks: int, seed: int) -> tuple[World, SimulatedCluster]:
    world = World(seed, duplicates=0.0, scaling=False)
    cluster = world.spot_cluster("fleet", instances, INSTANCE_TYPE)
    _fill(cluster, tasks)
    world.run(60)
    return world, cluster


def _reclaim(cluster: SimulatedCluster) -> list[Ec2Instance]:
    """EC2 takes all instances, one after the other."""
    world, doomed = cluster.world, cluster.ec2_instances()
    for index, instance in enumerate(doomed):
        world.clock.after(index * NOTICES_WITHIN_S / len(doomed), lambda i=instance: world.account.fleets.reclaim([i]))  # type: ignore[misc]
    return doomed


def floor_of(instances: int, tasks: int) -> int:
    """The fewest calls that any handling needs which deregisters first: each thing read once, in the largest batches.

    One a batch of 200 instances to find their fleet, one to find whose that fleet is; container instances listed and
    described by 100 and drained by 10; tasks listed and described by 100, whichever way takes fewer pages; services
    by 10, each task definition once, protection by 100; the targets of each target group looked at, deregistered, and
    looked at again; one StopTask a task; one message to go on with, and one to wake the autoscaler.
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


def _end(instance: Ec2Instance, tasks: list[Task], stopped: dict[str, float]) -> Reclaimed:
    assert instance.doomed_at is not None, f"{instance.id} was never reclaimed"
    left = [target.deregistered_at for task in tasks for target in task.targets]
    return Reclaimed(
        instance.doomed_at,
        max((at for at in left if at is not None), default=instance.doomed_at),
        max((stopped[t.arn] for t in tasks), default=instance.doomed_at),
    )


def _fill(cluster: SimulatedCluster, tasks: int) -> None:
    """Puts `tasks` tasks on each instance, which they fill: what one loses finds no room on those still to be taken."""
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
