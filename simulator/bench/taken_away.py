"""Take half of a cluster's instances away, for each reason and with each kind of service, and measure the service-out.

What no handling could have is not promised: it is computed from the simulated account (`Fate`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.fitness import FIRST_STEP_S
from simulator import peers
from simulator.bench.interruption import INSTANCE_TYPE, TARGET_GROUPS
from simulator.bench.reasons import AFTERWARDS_S, REASONS, SPOT, Reason
from simulator.bench.taken_services import SERVICES, Plan
from simulator.ec2 import Ec2Instance
from simulator.ecs.state import Otherwise, Task
from simulator.ecs.stopping import stop_timeouts
from simulator.load_balancing import LONGEST_REQUEST_S
from simulator.processes import run_all
from simulator.target_groups import PROPAGATION_S, RegisteredTarget
from simulator.timing import Timing
from simulator.world import SimulatedCluster, World
from steady.service_out.stopping import STILL_SENT_S
from steady.service_out.stops import STOP_MARGIN_S, STOPS_PER_S

# Seconds until the tasks run, and their targets take requests.
STARTED_AFTER_S = 120.0
# A stop this many seconds before its last moment is not early: calls take their time.
EARLY_S = 3.0


@dataclass(frozen=True, slots=True)
class Fate:
    """What happened to one target of a task on an instance that was taken away.

    Attributes:
        hidden: whether only ECS can deregister it. What is registered in Cloud Map is not: anybody can deregister it.
        moves: whether ECS can start a replacement before the instance goes, and then retire the task itself.
        noticed_at: the time of its instance's notice, in seconds since the epoch.
        last_stop_at: the last moment for a stop of the task, if all tasks of the instances are stopped then.
    """

    task: Task
    target: RegisteredTarget
    hidden: bool
    moves: bool
    noticed_at: float
    last_stop_at: float

    @property
    def is_stopped_in_service(self) -> bool:
        """Whether the task got SIGTERM, or was killed, while the load balancer still sent requests to this target."""
        closed_at = self.target.closed_at
        return closed_at is not None and self.target.takes_requests(closed_at)

    @property
    def could_leave(self) -> bool:
        """Whether some handling could have stopped the task after the last request that it was sent."""
        return self._could_leave_in(self.target.lingers_s)

    @property
    def could_answer(self) -> bool:
        """Whether some handling could have let the task answer the longest request that it was sent."""
        return self._could_leave_in(self.target.lingers_s + LONGEST_REQUEST_S)

    def _could_leave_in(self, seconds: float) -> bool:
        """Whether the target can be deregistered for `seconds` before the task is stopped.

        A hidden target leaves only if ECS retires the task. ECS retires after the deregistration delay whatever is
        going on; without a replacement, there is time until the last moment.

        For clients of Cloud Map it does not wait: it retires a task as soon as the replacement is healthy. To leave
        before that would leave the service without any task, since all of its tasks are on these instances.
        """
        if not self.target.group.is_waited_for:
            if self.task.retired_at is not None:
                return False
        elif self.hidden or self.moves:
            return self.moves and seconds <= self.target.group.delay_s
        return self.noticed_at + FIRST_STEP_S + seconds <= self.last_stop_at

    @property
    def is_stopped_early(self) -> bool:
        """Whether the task was stopped in service before its last moment, and before ECS itself retires it."""
        delay_s = self.target.group.delay_s if self.target.group.is_waited_for else 0.0
        retired_at = (self.target.deregistered_at or math.inf) + delay_s
        latest = min(self.last_stop_at, retired_at) if self.moves else self.last_stop_at
        return self.is_stopped_in_service and (self.target.closed_at or 0.0) < latest - EARLY_S


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
    """Take the instances away, and return the figures that docs/interruption-benchmark.md explains.

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
    fates = _fates(tasks, plan, ends, noticed_at)
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
            _is_retired_too_late(task, ends)
            or _takes_too_long(task, world.account.scheduler.exit_s(task), noticed_at, ends)
            for task in tasks
        ),
        "failed_requests": balancing.failed_requests,
        "failed_unavoidable": sum(fate.target.failed for fate in fates if not fate.could_answer),
        "stopped_in_service": len({fate.task.arn for fate in stopped}),
        "stopped_unavoidable": len({fate.task.arn for fate in stopped if not fate.could_leave}),
        "stopped_early": len({fate.task.arn for fate in stopped if fate.is_stopped_early}),
        "unserved_requests": balancing.unserved_requests,
        "seconds_without_target": round(max(balancing.seconds_without_target().values(), default=0.0), 1),
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
        counts["requests without a target"] = figures["unserved_requests"]
        counts["instances fewer in the pool's target than before"] = figures["capacity_lost"]
        counts["seconds without a target"] = figures["seconds_without_target"]
    return [f"{count:,} {what}" for what, count in counts.items() if count]


def _world(run: Run, plan: Plan, why: Reason) -> tuple[World, SimulatedCluster, Sequence[Ec2Instance]]:
    world = World(run.seed, duplicates=0.0, timing=Timing.as_aws(**run.timing))
    cluster = world.cluster(
        why.pool,
        "taken",
        2 * run.instances,
        INSTANCE_TYPE,
        on_spot=why.on_spot,
        # The operator knows how long the longest request takes.
        drain_seconds=math.ceil(LONGEST_REQUEST_S + PROPAGATION_S),
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


def _fates(tasks: Sequence[Task], plan: Plan, ends: Mapping[str, float], noticed_at: Mapping[str, float]) -> list[Fate]:
    moves = plan.room or plan.has_time
    # The stops of all tasks take this long at the rate of the API.
    stops_s = len(tasks) / STOPS_PER_S
    return [
        Fate(
            task,
            target,
            hidden=task.cluster.services[task.service_name].otherwise not in (None, Otherwise.CLOUD_MAP),
            moves=moves,
            noticed_at=noticed_at[task.instance.ec2_id],
            last_stop_at=_last_stop_at(task, ends) - stops_s,
        )
        for task in tasks
        for target in task.targets
    ]


def _last_stop_at(task: Task, ends: Mapping[str, float]) -> float:
    """Return the last moment for a stop of the task, if it is the only one."""
    return ends[task.instance.ec2_id] - sum(stop_timeouts(task)) - STOP_MARGIN_S


def _is_empty(instance: Ec2Instance) -> bool:
    return instance.container_instance is None or not instance.container_instance.tasks


def _is_retired_too_late(task: Task, ends: Mapping[str, float]) -> bool:
    """Whether ECS itself retired a task so late that its instance ended before its deregistration delay.

    ECS begins with it as soon as a replacement is healthy, and nobody can stop the task any more.
    """
    due_at = task.sigterm_due_at
    return task.killed and task.sigterm_at is None and due_at is not None and due_at > ends[task.instance.ec2_id]


def _takes_too_long(task: Task, exit_s: float, noticed_at: Mapping[str, float], ends: Mapping[str, float]) -> bool:
    """Whether a killed task would not have ended in time if the first step had stopped it.

    A task that takes requests is stopped some seconds after its targets were deregistered.
    """
    id_ = task.instance.ec2_id
    earliest = noticed_at[id_] + FIRST_STEP_S + (STILL_SENT_S if task.targets else 0.0)
    return task.killed and earliest + exit_s > ends[id_]


def _is_cut_short(task: Task, ends: Mapping[str, float]) -> bool:
    """Whether a batch task was stopped, or killed, although it would have ended by itself in time."""
    if task.service_name or task.run_s is None or task.started_at is None:
        return False
    has_time = task.started_at + task.run_s < _last_stop_at(task, ends)
    return has_time and (task.sigterm_at is not None or task.killed)


def _last(since: float, times: Iterable[float | None]) -> float:
    return round(max((at for at in times if at is not None), default=since) - since, 2)
