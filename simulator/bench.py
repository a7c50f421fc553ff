"""Benchmarks on the simulated account: the service-out of a whole fleet at once, and a tick of a large cluster."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from dataclasses import dataclass
from typing import Any

from simulator import peers
from simulator.ec2 import Ec2Instance
from simulator.ecs.state import Task
from simulator.endpoint import Params
from simulator.instance_types import registered_size
from simulator.world import SimulatedCluster, World
from steady.cluster import Size

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
    world = World(seed, duplicates=0.0, scaling=False)
    cluster = world.spot_cluster("fleet", instances, INSTANCE_TYPE)
    _fill(cluster, tasks)
    world.run(60)
    peers.HANDLINGS[handling](world)
    here: dict[str, list[Task]] = {i.id: [] for i in cluster.ec2_instances()}
    for task in cluster.tasks():
        here[task.instance.ec2_id].append(task)
    doomed = cluster.ec2_instances()
    for index, instance in enumerate(doomed):
        world.clock.after(index * NOTICES_WITHIN_S / len(doomed), lambda i=instance: world.account.fleets.reclaim([i]))  # type: ignore[misc]
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


def autoscaler(instances: int, services: int, tasks: int, ticks: int = 3, seed: int = 0) -> dict[str, Any]:
    """One tick of a large cluster that rests, after the first that learns it.

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
    answering = _Answering(world)
    seconds, calls = [], {}
    for number in range(ticks + 2):
        # The first learns what never changes; the last is measured by what it allocates.
        last = number == ticks + 1
        before = world.account.endpoint.counted(function.name).calls.copy()
        answering.cpu_s, function.longest_cpu_s = 0.0, 0.0
        if last:
            tracemalloc.start()
        world.run(60)
        assert not function.failures, function.failures
        if not last and number:
            seconds.append(function.longest_cpu_s - answering.cpu_s)
            calls = dict(sorted((world.account.endpoint.counted(function.name).calls - before).items()))
    peak_mib = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return {
        "instances": instances,
        "services": services,
        "tasks": tasks,
        "seconds": round(statistics.median(seconds), 3),
        "peak_mib": round(peak_mib, 1),
        "api_calls": calls,
        "api_calls_total": sum(calls.values()),
    }


class _Answering:
    """The CPU time that the simulated account's answers take."""

    def __init__(self, world: World) -> None:
        self.cpu_s = 0.0
        self._answer = world.account.endpoint.answer
        world.account.endpoint.answer = self.answer  # type: ignore[method-assign]

    def answer(self, caller: str, name: str, params: Params) -> dict[str, Any]:
        begun = time.process_time()
        try:
            return self._answer(caller, name, params)
        finally:
            self.cpu_s += time.process_time() - begun


def _spread(cluster: SimulatedCluster, services: int, tasks: int) -> None:
    """Puts `tasks` tasks of `services` services on the instances, each in turn, half of which they fill."""
    start = cluster.world.account.scheduler.start
    here = cluster.instances()
    whole = registered_size(INSTANCE_TYPE)
    each = 2 * _calls(tasks, len(here))
    size = Size(whole.cpu_units // each, whole.memory_mib // each)
    made = [
        cluster.service(f"service-{number}", 0, cpu=size.cpu_units, memory=size.memory_mib)
        for number in range(services)
    ]
    for number in range(tasks):
        service = made[number % services]
        service.desired += 1
        start(here[number % len(here)], service.definition, f"service:{service.name}")
