"""Simulate one policy: build a world, submit the work, let time pass, and measure what happened."""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator import policies
from simulator.auto_scaling_group import AutoScalingGroup
from simulator.ec2 import BOOT_S
from simulator.endpoint import Counts
from simulator.first_instances import instances_at_first, with_first_instances
from simulator.outcome import CallSample, ClusterRecord, FunctionUse, Outcome, Sample, decreases, waits
from simulator.policies.peer import missing_tasks
from simulator.pool_figures import figures_by_pool
from simulator.recording import Recorder, at_once_percent
from simulator.reservations import Reservations
from simulator.several_pools import cluster_of_pools
from simulator.timing import Timing
from simulator.workload.plan import ClusterPlan, demand_steps, fitting, lower_bound_instance_hours
from simulator.workload.pool_plan import shape_of
from simulator.workload.submit import CALLER as LAUNCHER
from simulator.workload.submit import Launcher, deploy, follow_market
from simulator.world import SimulatedCluster, World
from steady.api_budget.limits import BUCKET_OF
from steady.cluster import ContainerInstance, InstanceStatus, TaskShape
from steady.scaling.reservation import reservation

SAMPLE_S = 60


@dataclass(frozen=True)
class Scenario:
    """The workload that is simulated, apart from the policy.

    Attributes:
        thresholds: thresholds of every cluster that differ from the defaults.
        timed: whether to measure the CPU time of the functions, too (`Outcome.functions`).
        boot_s: mean seconds from an instance's launch to its registration.
        timing: how fast the account answers, the same for every policy.
    """

    clusters: tuple[ClusterPlan, ...]
    hours: float
    seed: int = 0
    thresholds: Mapping[str, int | str] = field(default_factory=dict)
    timed: bool = False
    boot_s: float = BOOT_S
    timing: Timing = field(default_factory=Timing.as_aws)


def simulate(
    policy: str,
    scenario: Scenario,
    passed: Callable[[float], None] = lambda simulated_s: None,
    watch: Callable[[SimulatedCluster], None] = lambda cluster: None,
) -> Outcome:
    """Simulate `scenario` with `policy`, and return the outcome.

    Args:
        passed: called each simulated minute with the simulated seconds so far.
        watch: called each simulated minute with each cluster.

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
        for _, cluster, *_ in run.clusters:
            watch(cluster)
        passed(run.now_s)
    return run.outcome(time.monotonic() - wall_start)


class _Run:
    """The state of one simulation."""

    def __init__(self, policy: str, scenario: Scenario) -> None:
        self.policy = policy
        self.scenario = scenario
        self.world = World(scenario.seed, scenario.boot_s, scaling=policy == "steady", timing=scenario.timing)
        self.world.clock.timed = scenario.timed
        self.started_at = self.world.clock.now
        self.recorder, self.reservations = Recorder(self.world), Reservations(self.world.account)
        self.calls: list[CallSample] = []
        self._calls_before: Counter[str] = Counter()
        self.clusters: list[tuple[ClusterPlan, SimulatedCluster, Launcher, ClusterRecord]] = []
        # Of a cluster with several pools, a view with each of them.
        self.views: dict[str, Mapping[str, SimulatedCluster]] = {}
        for plan in scenario.clusters:
            self._build(plan)
        self._demand = {plan.name: demand_steps(plan, plan.size, scenario.hours * 3600) for plan, *_ in self.clusters}
        self.recorder.watch_notices()

    @property
    def now_s(self) -> float:
        return self.world.clock.now - self.started_at

    def _build(self, whole: ClusterPlan) -> None:
        plan, left_out = fitting(whole)
        begin = policies.named_for_pools(self.policy) if plan.pools else None
        start = policies.named(self.policy) if begin is None else None
        views = self._views(plan)
        cluster = next(iter(views.values()))
        launcher = Launcher(
            cluster,
            self.scenario.seed,
            lambda job, waited_s, task: self.recorder.note_start(task, job.family, waited_s),
            next((view.pool.name for view in views.values() if isinstance(view.pool, AutoScalingGroup)), ""),
        )
        record = ClusterRecord(plan.name, plan.kind, plan.instance_type, left_out=left_out, pools=plan.pools)
        self.clusters.append((plan, cluster, launcher, record))
        if plan.pools:
            self.views[plan.name] = views
        deploy(cluster, plan.services, plan.requests_per_s)
        launcher.submit(plan.jobs)
        # Before the market: a policy may put a pool of its own in the place of the cluster's.
        if begin:
            begin(views, lambda: _pending(cluster, launcher))
        elif start:
            start(cluster, lambda: _pending(cluster, launcher))
        for name, view in views.items():
            if plan.market and (not plan.pools or plan.pools[name].buys_spot):
                follow_market(view, plan.market, self.scenario.hours * 3600)

    def _views(self, plan: ClusterPlan) -> Mapping[str, SimulatedCluster]:
        """Build the cluster, and return a view of it with each of its pools; the only pool has no name."""
        thresholds: dict[str, Any] = dict(self.scenario.thresholds)
        if plan.pools:
            return cluster_of_pools(self.world, plan.name, with_first_instances(plan), **thresholds)
        instances = instances_at_first(plan.services, plan.size)
        kind, type_ = plan.kind, plan.instance_type
        return {"": self.world.cluster(kind, plan.name, instances, type_, on_spot=plan.on_spot, **thresholds)}

    def sample(self) -> None:
        """Record the state of each cluster, and the calls since the last sample."""
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
                    sum(view.target for view in self.views.get(plan.name, {"": cluster}).values()),
                    len(cluster.instances()),
                    round(demand, 3),
                    round(cpu, 1),
                    round(memory, 1),
                    len(launcher.waiting) + missing,
                )
            )

    def _sample_calls(self) -> None:
        totals: Counter[str] = Counter()
        for name, count in self._counts().calls.items():
            service, _, action = name.partition(":")
            if service == "ecs" and action in BUCKET_OF:
                totals[BUCKET_OF[action].name] += count
        self.calls.append(CallSample(self.now_s, dict(totals - self._calls_before)))
        self._calls_before = totals

    def _counts(self) -> Counts:
        """Return the calls that the policy makes in the account: not the launcher's, and not what ECS does inside."""
        return Counts() if self.policy in policies.WHOLE else self.world.account.endpoint.total(less=LAUNCHER)

    def still_waiting(self) -> list[float]:
        """Return for how many seconds each waiting job and each missing task of a service has waited."""
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
        """Return what happened; `wall_s` is how many real seconds the run took."""
        account = self.world.account
        waiting = self.still_waiting()
        waits_s = self.recorder.waits + waiting
        left_out = sum(r.left_out.jobs + len(r.left_out.services) for *_, r in self.clusters if r.left_out)
        counts = self._counts()
        until_s = self.scenario.hours * 3600
        hours = account.ec2.hours.until(self.world.clock.now)
        figures = {
            "policy": self.policy,
            "tasks": len(waits_s) + left_out,
            "unplaced_tasks": len(waiting) + left_out,
            # A task that still waits counts with its wait so far.
            "wait_seconds": waits(waits_s),
            "started_at_once_percent": at_once_percent(waits_s),
            "instance_hours": round(sum(sum(by_type.values()) for by_type in hours.values()), 2),
            "instance_hours_by": {
                bought: {type_: round(of_type, 2) for type_, of_type in by_type.items()}
                for bought, by_type in hours.items()
            },
            "clusters": self._clusters(),
            "lower_bound_instance_hours": round(
                sum(lower_bound_instance_hours(plan, plan.size, until_s) for plan, *_ in self.clusters),
                2,
            ),
            "target_decreases": dict(sum((Counter(decreases(r.samples)) for *_, r in self.clusters), Counter())),
            "interruptions": account.spot.interruptions,
            "tasks_killed_in_service": account.killed_tasks,
            "failed_requests": account.balancing.failed_requests,
            "unserved_requests": account.balancing.unserved_requests,
            "api_calls": dict(sorted(counts.calls.items())),
            "throttled": counts.throttled,
            "simulated_hours": self.scenario.hours,
            "wall_seconds": round(wall_s, 2),
            "left_out_tasks": left_out,
        }
        for *_, record in self.clusters:
            record.taken, record.late = self.recorder.taken(record.name), self.recorder.late_starts(record.name)
        records = tuple(record for *_, record in self.clusters)
        functions = self.world.suite.functions() if self.scenario.timed else []
        return Outcome(
            self.policy,
            figures,
            records,
            tuple(self.world.suite.telemetry.log_lines),
            self.started_at,
            self.scenario.thresholds,
            tuple(self.calls),
            {f.name: FunctionUse.of(f, account.endpoint.counted(f.name)) for f in functions},
        )

    def _clusters(self) -> dict[str, dict[str, Any]]:
        """Return the figures of each cluster; those of one with several pools have `pools`."""
        found = self.reservations.figures()
        for name, views in self.views.items():
            found[name]["pools"] = figures_by_pool(self.world, views, self.recorder.waits_in)
        return found


def _pending(cluster: SimulatedCluster, launcher: Launcher) -> list[TaskShape]:
    """Return the tasks that wait for a place: jobs, and missing tasks of services."""
    return [shape_of(run.job) for run in launcher.waiting] + missing_tasks(cluster)


def _core(instance: Any) -> ContainerInstance:
    """Return the suite's own value of a simulated container instance."""
    return ContainerInstance(
        instance.arn,
        instance.ec2_id,
        InstanceStatus(instance.status),
        instance.registered,
        instance.remaining,
        len(instance.tasks),
    )
