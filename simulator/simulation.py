"""One policy on one plan: a world is built, the work is submitted, time passes, and what happened is measured."""

from __future__ import annotations

import math
import statistics
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from simulator import policies
from simulator.endpoint import Counts
from simulator.instance_types import registered_size
from simulator.messaging import Function
from simulator.suite import Said
from simulator.workload.plan import ClusterPlan, LeftOut, demand_steps, fitting, lower_bound_instance_hours
from simulator.workload.submit import CALLER as LAUNCHER
from simulator.workload.submit import Launcher, deploy, follow_market
from simulator.world import SimulatedCluster, World
from steady.api_budget.limits import BUCKET_OF
from steady.cluster import ContainerInstance, InstanceStatus, TaskShape
from steady.pools import PoolKind
from steady.scaling.reservation import reservation

SAMPLE_S = 60


@dataclass(frozen=True)
class Scenario:
    """What is simulated, but for the policy. `thresholds` hold for every cluster, over the defaults.

    `timed`: what the functions take is measured, too (`Outcome.functions`).
    """

    clusters: tuple[ClusterPlan, ...]
    hours: float
    seed: int = 0
    thresholds: Mapping[str, int | str] = field(default_factory=dict)
    timed: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """A cluster at one moment. `demand` is in instances, as the lower bound counts them; reservation in percent."""

    at_s: float
    target: int
    instances: int
    demand: float
    cpu_percent: float
    memory_percent: float
    waiting_tasks: int


@dataclass
class ClusterRecord:
    """What was seen of one cluster over the run."""

    name: str
    kind: PoolKind
    instance_type: str
    samples: list[Sample] = field(default_factory=list)
    # (at_s, instance id) of each interruption notice.
    notices: list[tuple[float, str]] = field(default_factory=list)
    left_out: LeftOut | None = None


@dataclass(frozen=True, slots=True)
class CallSample:
    """The ECS calls of all functions in the minute that ends at `at_s`, by the bucket that they draw on."""

    at_s: float
    by_bucket: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FunctionUse:
    """What one invocation of a function took, on the average of `invocations`: CPU of its own code, in real seconds,
    and waiting for answers, in simulated ones.
    """

    invocations: int
    cpu_s: float
    waits_s: float

    @staticmethod
    def of(function: Function, counts: Counts) -> FunctionUse:
        many = max(1, function.invocations)
        return FunctionUse(function.invocations, (function.cpu_s - counts.answers_cpu_s) / many, function.took_s / many)


@dataclass(frozen=True)
class Outcome:
    """One policy's run: the figures of the contract, and what the report draws. `started_at` is the epoch's."""

    policy: str
    figures: dict[str, Any]
    clusters: tuple[ClusterRecord, ...]
    said: tuple[Said, ...]
    started_at: float
    thresholds: Mapping[str, int | str]
    calls: tuple[CallSample, ...] = ()
    functions: Mapping[str, FunctionUse] = field(default_factory=dict)


def simulate(policy: str, scenario: Scenario, passed: Callable[[float], None] = lambda simulated_s: None) -> Outcome:
    """Runs `scenario` under `policy`; `passed` is told the simulated seconds as they pass.

    Raises:
        policies.NoSuchPolicy: if there is no such policy.
        NoSuchInstanceType: if a plan names a type that EC2 does not have.
    """
    wall_start = time.monotonic()
    run = _Run(policy, scenario)
    until_s = scenario.hours * 3600
    for step in range(math.ceil(until_s / SAMPLE_S)):
        run.world.clock.run_until(run.started_at + min(until_s, (step + 1) * SAMPLE_S))
        run.sample()
        passed(run.now_s)
    return run.outcome(time.monotonic() - wall_start)


class _Run:
    """The state of one simulation."""

    def __init__(self, policy: str, scenario: Scenario) -> None:
        start = policies.named(policy)
        self.policy = policy
        self.scenario = scenario
        self.world = World(scenario.seed, scaling=policy == "steady")
        self.world.account.endpoint.timed = scenario.timed
        self.started_at = self.world.clock.now
        self.waits: list[float] = []
        self.placed = 0
        self.calls: list[CallSample] = []
        self._calls_before: Counter[str] = Counter()
        self.clusters: list[tuple[ClusterPlan, SimulatedCluster, Launcher, ClusterRecord]] = []
        self.world.account.scheduler.observer.placed = lambda task, waited_s: self._placed(waited_s)
        for plan in scenario.clusters:
            self._build(plan, start)
        self._demand = {
            plan.name: demand_steps(plan, registered_size(plan.instance_type), scenario.hours * 3600)
            for plan, *_ in self.clusters
        }
        self._watch_notices()

    @property
    def now_s(self) -> float:
        return self.world.clock.now - self.started_at

    def _build(self, whole: ClusterPlan, start: policies.Start) -> None:
        size = registered_size(whole.instance_type)
        plan, left_out = fitting(whole, size)
        first = demand_steps(replace(plan, jobs=()), size, 1.0)[0][2]
        thresholds: dict[str, Any] = dict(self.scenario.thresholds)
        # Room for what is there at the start, at the usual reservation.
        build = self.world.spot_cluster if plan.kind is PoolKind.SPOT_FLEET else self.world.group_cluster
        cluster = build(plan.name, math.ceil(first / 0.8), plan.instance_type, **thresholds)
        launcher = Launcher(cluster, self.scenario.seed, self._placed)
        record = ClusterRecord(plan.name, plan.kind, plan.instance_type, left_out=left_out)
        self.clusters.append((plan, cluster, launcher, record))
        deploy(cluster, plan.services, plan.requests_per_s)
        launcher.submit(plan.jobs)
        if plan.market:
            follow_market(cluster, plan.market, self.scenario.hours * 3600)
        start(cluster, lambda: _pending(cluster, launcher))

    def _placed(self, waited_s: float) -> None:
        self.placed += 1
        self.waits.append(waited_s)

    def _watch_notices(self) -> None:
        say = self.world.account.fleets.on_notice
        records = {record.name: record for *_, record in self.clusters}

        def noted(instance: Any) -> None:
            records[instance.cluster.name].notices.append((self.now_s, instance.id))
            say(instance)

        self.world.account.fleets.on_notice = noted

    def sample(self) -> None:
        self._sample_calls()
        for plan, cluster, launcher, record in self.clusters:
            steps = self._demand[plan.name]
            step = bisect_left(steps, self.now_s, key=lambda step: step[1])
            demand = steps[step][2] if step < len(steps) else 0.0
            missing = sum(len(s.missing_since) for s in cluster.state.services.values())
            cpu, memory = reservation(_core(i) for i in cluster.instances() if i.status == "ACTIVE")
            record.samples.append(
                Sample(
                    self.now_s,
                    cluster.target,
                    len(cluster.instances()),
                    round(demand, 3),
                    round(cpu, 1),
                    round(memory, 1),
                    len(launcher.waiting) + missing,
                )
            )

    def _sample_calls(self) -> None:
        totals: Counter[str] = Counter()
        for name, count in self.world.account.endpoint.total(less=LAUNCHER).calls.items():
            service, _, action = name.partition(":")
            if service == "ecs" and action in BUCKET_OF:
                totals[BUCKET_OF[action].name] += count
        self.calls.append(CallSample(self.now_s, dict(totals - self._calls_before)))
        self._calls_before = totals

    def still_waiting(self) -> list[float]:
        now = self.world.clock.now
        jobs = [now - run.since for _, _, launcher, _ in self.clusters for run in launcher.waiting]
        services = [
            now - since
            for _, cluster, _, _ in self.clusters
            for service in cluster.state.services.values()
            for since in service.missing_since
        ]
        return jobs + services

    def outcome(self, wall_s: float) -> Outcome:
        account = self.world.account
        waiting = self.still_waiting()
        left_out = sum(r.left_out.jobs + len(r.left_out.services) for *_, r in self.clusters if r.left_out)
        # The launcher's own RunTask calls are not the policy's.
        counts = account.endpoint.total(less=LAUNCHER)
        until_s = self.scenario.hours * 3600
        hours = account.ec2.hours.until(self.world.clock.now)
        figures = {
            "policy": self.policy,
            "tasks": self.placed + len(waiting) + left_out,
            "unplaced_tasks": len(waiting) + left_out,
            # Tasks that still wait count with what they have waited.
            "wait_seconds": waits(self.waits + waiting),
            "instance_hours": round(sum(sum(by_type.values()) for by_type in hours.values()), 2),
            "instance_hours_by": {
                bought: {type_: round(of_type, 2) for type_, of_type in by_type.items()}
                for bought, by_type in hours.items()
            },
            "lower_bound_instance_hours": round(
                sum(
                    lower_bound_instance_hours(plan, registered_size(plan.instance_type), until_s)
                    for plan, *_ in self.clusters
                ),
                2,
            ),
            "interruptions": account.fleets.interruptions,
            "tasks_killed_in_service": account.killed_tasks,
            "failed_requests": account.balancing.failed_requests,
            "api_calls": dict(sorted(counts.calls.items())),
            "throttled": counts.throttled,
            "simulated_hours": self.scenario.hours,
            "wall_seconds": round(wall_s, 2),
            "left_out_tasks": left_out,
        }
        said = self.world.suite.telemetry.said
        records = tuple(record for *_, record in self.clusters)
        functions = self.world.suite.functions() if self.scenario.timed else []
        return Outcome(
            self.policy,
            figures,
            records,
            tuple(said),
            self.started_at,
            self.scenario.thresholds,
            tuple(self.calls),
            {f.name: FunctionUse.of(f, account.endpoint.counted(f.name)) for f in functions},
        )


def waits(seconds: list[float]) -> dict[str, float]:
    """The distribution of waiting times, in seconds."""
    if not seconds:
        return {"p50": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0, "total": 0.0}
    cuts = statistics.quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else seconds * 99
    return {
        "p50": round(cuts[49], 1),
        "p95": round(cuts[94], 1),
        "p99": round(cuts[98], 1),
        "max": round(max(seconds), 1),
        "total": round(sum(seconds), 1),
    }


def _pending(cluster: SimulatedCluster, launcher: Launcher) -> list[TaskShape]:
    """The tasks that wait for a place: jobs, and what services lack."""
    jobs = [TaskShape(run.job.size) for run in launcher.waiting]
    services = [
        TaskShape(service.definition.size)
        for service in cluster.state.services.values()
        for _ in range(len(service.missing_since))
    ]
    return jobs + services


def _core(instance: Any) -> ContainerInstance:
    return ContainerInstance(
        instance.arn,
        instance.ec2_id,
        InstanceStatus(instance.status),
        instance.registered,
        instance.remaining,
        len(instance.tasks),
    )
