"""Take half of a cluster's instances away, for each reason and with each kind of service, and measure the service-out.

What no handling could have is not promised: it is computed from the simulated account (`simulator.bench.unavoidable`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator import peers
from simulator.bench.interruption import INSTANCE_TYPE, TARGET_GROUPS
from simulator.bench.reasons import AFTERWARDS_S, REASONS, SPOT, Reason
from simulator.bench.taken_services import SERVICES, Plan
from simulator.bench.unavoidable import fates_of, gaps, is_kill_unavoidable, last_stop_at
from simulator.ec2 import Ec2Instance
from simulator.ecs.state import Task
from simulator.load_balancing import LONGEST_REQUEST_S
from simulator.processes import run_all
from simulator.target_groups import PROPAGATION_S
from simulator.timing import Timing
from simulator.world import SimulatedCluster, World

# Seconds until the tasks run, and their targets take requests.
STARTED_AFTER_S = 120.0
# How long the longest request takes: the operator knows it.
DRAIN_S = math.ceil(LONGEST_REQUEST_S + PROPAGATION_S)


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement.

    Attributes:
        instances: how many instances are taken away; as many others stay.
        services, groups, stop_timeout_s, more: of the services that take requests, as in `Plan`.
        reason: one of `REASONS`.
        handling: one of `peers.HANDLINGS`.
        room: whether the instances that stay have room for what moves.
        timing: further changes to `Timing.as_aws()`.
    """

    instances: int
    services: str = SERVICES[0]
    reason: str = SPOT
    handling: str = "steady"
    seed: int = 0
    room: bool = False
    groups: int = TARGET_GROUPS
    stop_timeout_s: int = 30
    more: Mapping[str, Any] = field(default_factory=dict)
    timing: Mapping[str, Any] = field(default_factory=dict)


def measure_all(runs: Sequence[Run], at_once: int, done: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
    """Measure `runs`, `at_once` of them at the same time. `done` is called after each."""
    if at_once == 1 or len(runs) == 1:
        found = []
        for run in runs:
            found.append(measure(run))
            done()
        return found
    return run_all(measure, runs, at_once, lambda _: done())


def measure(run: Run) -> dict[str, Any]:
    """Take the instances away, and return the figures that docs/reasons-benchmark.md explains.

    `broken` has one line for each promise that is not kept.
    """
    why = REASONS[run.reason]
    plan = Plan(run.services, run.room, why.has_time, run.groups, run.stop_timeout_s, run.more)
    world, cluster, doomed = _world(run, plan, why)
    balancing = world.account.balancing
    began, calls = world.clock.now, world.account.endpoint.total().calls.total()
    ids = {instance.id for instance in doomed}
    tasks = [task for task in cluster.tasks() if task.instance.ec2_id in ids]
    peers.HANDLINGS[run.handling](world)
    ends = why.take(world, doomed)
    world.run(why.lasts_s + AFTERWARDS_S)
    noticed_at = {i.id: began if i.doomed_at is None else i.doomed_at for i in doomed}
    fates = fates_of(tasks, plan, ends, noticed_at)
    balancing.look_at_all()
    without = gaps(fates, balancing.groups.values(), plan, ends, DRAIN_S)
    stopped = [fate for fate in fates if fate.is_stopped_in_service]
    figures: dict[str, Any] = {
        "handling": run.handling,
        "reason": run.reason,
        "services": run.services,
        "room": run.room,
        "instances": run.instances,
        "tasks": len(tasks),
        "tasks_killed_in_service": world.account.killed_tasks,
        "killed_unavoidable": sum(
            is_kill_unavoidable(task, world.account.scheduler.exit_s(task), fates, noticed_at, ends)
            for task in tasks
            if task.killed
        ),
        "failed_requests": balancing.failed_requests,
        "failed_unavoidable": sum(fate.target.failed for fate in fates if not fate.could_answer),
        "stopped_in_service": len({fate.task.arn for fate in stopped}),
        "stopped_unavoidable": len({fate.task.arn for fate in stopped if not fate.could_leave}),
        "stopped_early": len({fate.task.arn for fate in stopped if fate.is_stopped_early}),
        "unserved_requests": balancing.unserved_requests,
        "unserved_unavoidable": balancing.unserved_requests - round(sum(gap.avoidable_requests for gap in without)),
        "seconds_without_target": round(max((gap.seconds for gap in without), default=0.0), 1),
        "seconds_avoidable": round(max((gap.avoidable_s for gap in without), default=0.0), 1),
        "batch_cut_short": sum(_is_cut_short(task, ends) for task in tasks),
        "instances_held_empty": sum(instance.alive and _is_empty(instance) for instance in doomed),
        "capacity_lost": max(0, 2 * run.instances - cluster.target),
        "deregistered_s": _last(began, (fate.target.deregistered_at for fate in fates)),
        "stopped_s": _last(began, (task.sigterm_at for task in tasks)),
        "api_calls_total": world.account.endpoint.total().calls.total() - calls,
        "throttled": world.account.endpoint.total().throttled,
    }
    return {**figures, "broken": broken_promises(figures)}


def broken_promises(figures: Mapping[str, Any]) -> list[str]:
    """Return one line for each promise that the figures do not keep."""
    counts = {
        "tasks killed in service": figures["tasks_killed_in_service"] - figures["killed_unavoidable"],
        "failed requests that could be avoided": figures["failed_requests"] - figures["failed_unavoidable"],
        "tasks stopped while they took requests that could have ended": figures["stopped_in_service"]
        - figures["stopped_unavoidable"],
        "tasks stopped in service before their last moment": figures["stopped_early"],
        "batch tasks cut short that had time": figures["batch_cut_short"],
        "instances held although they are empty": figures["instances_held_empty"],
    }
    if REASONS[figures["reason"]].has_time or figures["room"]:
        counts["requests without a target that could have one"] = (
            figures["unserved_requests"] - figures["unserved_unavoidable"]
        )
        counts["instances fewer in the pool's target than before"] = figures["capacity_lost"]
        counts["seconds without a target that could be avoided"] = figures["seconds_avoidable"]
    return [f"{count:,} {what}" for what, count in counts.items() if count]


def _world(run: Run, plan: Plan, why: Reason) -> tuple[World, SimulatedCluster, Sequence[Ec2Instance]]:
    world = World(run.seed, duplicates=0.0, timing=Timing.as_aws(**run.timing))
    cluster = world.cluster(
        why.pool,
        "taken",
        2 * run.instances,
        INSTANCE_TYPE,
        on_spot=why.on_spot,
        drain_seconds=DRAIN_S,
        # Only what is taken away changes the cluster.
        scale_in_after_seconds=86_400,
        learning="off",
        start_at_once_share=0,
        **why.thresholds,
    )
    doomed = cluster.ec2_instances()[: run.instances]
    plan.fill(cluster, {instance.id for instance in doomed})
    world.run(STARTED_AFTER_S)
    return world, cluster, doomed


def _is_empty(instance: Ec2Instance) -> bool:
    return instance.container_instance is None or not instance.container_instance.tasks


def _is_cut_short(task: Task, ends: Mapping[str, float]) -> bool:
    """Whether a batch task was stopped, or killed, although it would have ended by itself in time."""
    if task.service_name or task.run_s is None or task.started_at is None:
        return False
    has_time = task.started_at + task.run_s < last_stop_at(task, ends)
    return has_time and (task.sigterm_at is not None or task.killed)


def _last(since: float, times: Iterable[float | None]) -> float:
    return round(max((at for at in times if at is not None), default=since) - since, 2)
