"""A burst of RunTask requests on a small cluster: with the launch queue, and with callers that help themselves.

Callers without the queue tell nobody of their failures: their cluster has reservation alarms, the usual recipe, or a
capacity provider with managed scaling, whose tasks wait in PROVISIONING.

The burst is that of prefect issue 20765: a thousand runs within five to ten minutes, most of which fail with
RESOURCE:MEMORY. Each request asks for one task, with an id of its own, so that what is lost or run twice is counted.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from simulator.ecs.state import Task
from simulator.errors import AwsError
from simulator.faults import CrashAtRandomAround
from simulator.outcome import FunctionUse, waits
from simulator.policies import Start, managed_scaling, reservation_alarms
from simulator.processes import run_all
from simulator.timing import Timing
from simulator.world import SimulatedCluster, World
from steady.cluster import TaskShape

BOOT_S = 90.0
# The cluster: what holds 50 tasks, and may grow to hold all of them.
CPU_UNITS, MEMORY_MIB, HELD = 256, 512, 50
TASKS_AN_INSTANCE = 8
RUNS_S = 600.0
# After the last request, so long is waited for the rest.
AFTERWARDS_S = 1800.0
# Of the messages, so many come twice; of the function's calls, one in so many crashes it, before or after its effect.
DUPLICATES = 0.05
CRASHES_EACH = 200
QUEUE, CRASHING = "launch queue", "launch queue, crashing"
ONCE, EACH_10_S, EACH_MINUTE = "RunTask once", "RunTask every 10 s", "RunTask every minute"
MANAGED_SCALING = "capacity provider with managed scaling"
CALLERS = (QUEUE, CRASHING, ONCE, EACH_10_S, EACH_MINUTE, MANAGED_SCALING)
SCALING: Mapping[str, Start] = {
    **dict.fromkeys((ONCE, EACH_10_S, EACH_MINUTE), reservation_alarms.start),
    MANAGED_SCALING: managed_scaling.start,
}
RETRIES_S = {ONCE: math.inf, EACH_10_S: 10.0, EACH_MINUTE: 60.0, MANAGED_SCALING: 10.0}


@dataclass(frozen=True, slots=True)
class Result:
    """One way to call.

    Attributes:
        lost: how many requests have no task half an hour after the last one.
        wait_s: p50, p95 and max of the seconds from a request to its task, of those that run.
        run_twice: how many tasks were started beside the one that each request asks for.
        calls: how many calls of RunTask there were, and how many of them ECS throttled.
        crashes: how many times the function crashed.
    """

    caller: str
    launches: int
    lost: int
    run_twice: int
    wait_s: dict[str, float]
    calls: int
    throttled: int
    instance_hours: float
    crashes: int = 0

    def promises(self) -> list[tuple[str, bool]]:
        """Return what the launch queue promises, and whether it is so; the other callers promise nothing."""
        if self.caller not in (QUEUE, CRASHING):
            return []
        of = [(f"{self.caller}: {self.lost} lost, none", not self.lost)]
        of += [(f"{self.caller}: {self.run_twice} run twice, none", not self.run_twice)]
        if self.caller == CRASHING:
            of += [(f"{self.caller}: {self.crashes} crashes, some", self.crashes > 0)]
        # Capacity that is asked for at the moment of the request comes a boot later.
        p95, most = self.wait_s["p95"], 2 * BOOT_S
        return [*of, (f"{self.caller}: p95 of waiting {p95:.0f} s, at most two boots ({most:.0f} s)", p95 <= most)]


@dataclass(frozen=True, slots=True)
class Case:
    """One way to call, for `launches` requests within `within_s` seconds."""

    caller: str
    launches: int
    within_s: float
    seed: int


@dataclass
class Burst:
    """A burst of requests: when each was sent, and which tasks were started for it."""

    case: Case
    cluster: SimulatedCluster
    sent_at: dict[str, float] = field(default_factory=dict)
    started: dict[str, Task] = field(default_factory=dict)
    tasks: list[Task] = field(default_factory=list)

    @property
    def waiting(self) -> int:
        """How many requests have no task yet."""
        return len(self.sent_at) - len(self.started)

    def begin(self) -> None:
        """Send each request at its time, counted from now."""
        world, rng = self.cluster.world, random.Random(f"burst {self.case.seed}")
        world.account.scheduler.observer.started = self._started
        for number in range(self.case.launches):
            at = world.clock.now + rng.uniform(0, self.case.within_s)
            world.clock.at(at, lambda id_=f"run-{number}": self._send(id_))  # type: ignore[misc]

    def read_events(self) -> None:
        """Read which tasks the launch queue has started for each request."""
        by_arn = {task.arn: task for task in self.tasks}
        for event in self.cluster.world.account.messaging.put:
            if event["detail-type"] == "Launch Started":
                [arn] = event["detail"]["tasks"]
                self.started[event["detail"]["id"]] = by_arn[arn]

    def pending(self) -> list[TaskShape]:
        """Return the tasks that a capacity provider sees in PROVISIONING."""
        definition = self.cluster.world.account.scheduler.definitions[self._definition]
        return [TaskShape(definition.size)] * self.waiting

    @property
    def _definition(self) -> str:
        return next(arn for arn in self.cluster.world.account.scheduler.definitions if "/run:" in arn)

    def _send(self, id_: str) -> None:
        self.sent_at[id_] = self.cluster.world.clock.now
        if self.case.caller in (QUEUE, CRASHING):
            command = {"containerOverrides": [{"name": "app", "command": [id_]}]}
            self.cluster.world.suite.launch(
                cluster=self.cluster.name, taskDefinition="run", clientToken=id_, overrides=command
            )
        else:
            self._try(id_)

    def _try(self, id_: str) -> None:
        world, retry_s = self.cluster.world, RETRIES_S[self.case.caller]
        params = {"cluster": self.cluster.name, "taskDefinition": "run"}
        try:
            answer = world.account.endpoint.answer(self.case.caller, "ecs:RunTask", params)
        except AwsError:
            answer = {"tasks": []}
        if answer["tasks"]:
            self.started[id_] = self.cluster.state.tasks[answer["tasks"][0]["taskArn"]]
        elif math.isfinite(retry_s):
            world.clock.after(retry_s, lambda: self._try(id_))

    def _started(self, task: Task) -> None:
        task.run_s = RUNS_S
        self.tasks.append(task)


def measure(
    callers: Sequence[str],
    launches: int,
    within_s: float,
    seed: int,
    at_once: int,
    done: Callable[[Case], None] = lambda case: None,
) -> list[Result]:
    """Send the same burst in the way of each of `callers`, each in a process of its own."""
    return run_all(run, [Case(caller, launches, within_s, seed) for caller in callers], at_once, done)


def launcher_use(launches: int = 200, seed: int = 0) -> FunctionUse:
    """Return the mean use of an invocation of the launch queue's function, in a burst of so many requests."""
    world = World(seed, BOOT_S, DUPLICATES, timing=Timing.as_aws())
    world.clock.timed = True
    cluster = world.group_cluster("runs", math.ceil(HELD / TASKS_AN_INSTANCE), maximum=launches)
    cluster.define("run", CPU_UNITS, MEMORY_MIB)
    Burst(Case(QUEUE, launches, 60.0, seed), cluster).begin()
    world.run(AFTERWARDS_S / 3)
    assert world.suite.task_launcher
    return FunctionUse.of(world.suite.task_launcher, world.account.endpoint.counted("task-launcher"))


def run(case: Case) -> Result:
    """Send a burst in one way, and count what became of it."""
    scale = SCALING.get(case.caller)
    world = World(case.seed, BOOT_S, DUPLICATES, scaling=scale is None, timing=Timing.as_aws())
    cluster = world.group_cluster("runs", math.ceil(HELD / TASKS_AN_INSTANCE), maximum=case.launches)
    cluster.define("run", CPU_UNITS, MEMORY_MIB)
    burst = Burst(case, cluster)
    fault = CrashAtRandomAround("task-launcher", 0.5 / CRASHES_EACH, case.seed)
    if case.caller == CRASHING:
        world.account.endpoint.fault = fault
    if scale:
        scale(cluster, burst.pending)
    world.run(60)
    burst.begin()
    instance_s = 0
    for _ in range(math.ceil((case.within_s + AFTERWARDS_S) / 10)):
        world.run(10)
        instance_s += 10 * len(cluster.ec2_instances())
    burst.read_events()
    waited = [burst.started[id_].created_at - at for id_, at in burst.sent_at.items() if id_ in burst.started]
    caller = "task-launcher" if case.caller in (QUEUE, CRASHING) else case.caller
    counts = world.account.endpoint.counted(caller)
    return Result(
        caller=case.caller,
        launches=case.launches,
        lost=case.launches - len(burst.started),
        run_twice=len(burst.tasks) - len({task.arn for task in burst.started.values()}),
        wait_s=waits(waited),
        calls=counts.calls["ecs:RunTask"],
        throttled=counts.throttled,
        instance_hours=round(instance_s / 3600, 1),
        crashes=fault.crashes,
    )
