"""A new image for a whole cluster: with the suite's renewal, with an instance refresh, and by draining one at a time.

The cluster has services behind load balancers, a tenth of them of a single task, and batch tasks of minutes to hours. A
mild Spot market takes instances meanwhile.

Karpenter's own drift test (kubernetes-sigs/karpenter, `test/suites/performance/drift_performance_test.go`) has two
deployments of 300 pods, of 900m and 3100Mi, spread over the nodes, and of 3500m and 28Gi. All of its nodes are renewed
within 50 minutes. That work is renewed here, too; for the other clusters, the limit is as much for each task.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from simulator.ecs.state import Deploys
from simulator.faults import CrashAtRandom
from simulator.processes import run_all
from simulator.timing import Timing
from simulator.workload import karpenter, synthetic
from simulator.workload.submit import follow_market
from simulator.world import SimulatedCluster, World

INSTANCE_TYPE = "m5.2xlarge"
TASKS_AN_INSTANCE, SERVICE_TASKS = 6, 30
BATCH_AN_INSTANCE = 1
NEW_IMAGE = "ami-00000000000000002"
LIMIT_S = 12 * 3600.0
# Karpenter's drift test: minutes for so many pods. The type is that of `simulator.workload.karpenter`.
KARPENTER_MINUTES, KARPENTER_PODS = 50, 600
KARPENTER_TYPE, KARPENTER_INSTANCES = karpenter.INSTANCE_TYPE, 45
MOST_SURGE = 1.10
# Of the autoscaler's calls, one in so many crashes it.
CRASHES_EACH = 50
BUDGET_PERCENT = 10
# Auto Scaling API, RefreshPreferences: MinHealthyPercentage is 90 by default.
HEALTHY = 0.9
OURS, CRASHING = "renewal", "renewal, crashing"
REFRESH, ONE_AT_A_TIME = "instance refresh (90 % healthy)", "drained one at a time"
BROKEN = "renewal, broken image"
DRIFT_TEST = "renewal of Karpenter's drift test"
WAYS = (OURS, CRASHING, BROKEN, DRIFT_TEST, REFRESH, ONE_AT_A_TIME)
RENEWALS = (OURS, CRASHING, BROKEN, DRIFT_TEST)


@dataclass(frozen=True, slots=True)
class Case:
    """One way to renew a cluster of so many instances."""

    way: str
    instances: int
    seed: int


@dataclass(frozen=True, slots=True)
class Result:
    """One way.

    Attributes:
        services_minutes: until no task of a service was on an old instance; None: some are after twelve hours.
        minutes: until no old instance was left: batch tasks run to their end.
        left: how many old instances are left.
        killed: how many tasks were killed in service.
        failed: how many requests failed.
        without_target_s: how many seconds services were without a target, all together.
        most: the most instances that the group was asked for at a time.
        launched: how many instances were launched of the new image.
        crashes: how many times the autoscaler crashed.
    """

    way: str
    instances: int
    tasks: int
    services_minutes: int | None
    minutes: int | None
    left: int
    killed: int
    failed: int
    without_target_s: float
    most: int
    launched: int
    crashes: int

    def promises(self) -> list[tuple[str, bool]]:
        """Return what renewal promises, and whether it is so; the other ways promise nothing."""
        if self.way not in RENEWALS:
            return []
        of = [
            (f"{self.way}: {self.killed} tasks killed, none", not self.killed),
            (f"{self.way}: {self.failed} requests failed, none", not self.failed),
            (f"{self.way}: {self.without_target_s:.0f} s without a target, none", not self.without_target_s),
        ]
        if self.way == BROKEN:
            return [*of, (f"{self.way}: {self.launched} launched, one at most", self.launched <= 1)]
        of += [(f"{self.way}: {self.left} old instances left, none", not self.left)]
        of += [
            (
                f"{self.way}: {self.most} instances asked for at most, {MOST_SURGE:.0%} of {self.instances}",
                self.is_small,
            )
        ]
        if self.way == CRASHING:
            return of
        if self.way == DRIFT_TEST:
            took = f"renewed in {self.minutes} minutes" if self.minutes else "not renewed"
            return [
                *of,
                (f"{self.way}: {took}, under {KARPENTER_MINUTES}", 0 < (self.minutes or 0) < KARPENTER_MINUTES),
            ]
        allowed = KARPENTER_MINUTES * max(1.0, self.tasks / KARPENTER_PODS)
        took = f"services moved in {self.services_minutes} minutes" if self.services_minutes else "not renewed"
        return [*of, (f"{self.way}: {took}, at most {allowed:.0f}", 0 < (self.services_minutes or 0) <= allowed)]

    @property
    def is_small(self) -> bool:
        """Whether the surge is within the budget."""
        return self.most <= max(self.instances + 3, MOST_SURGE * self.instances)


def measure(
    ways: Sequence[str], instances: int, seed: int, at_once: int, done: Callable[[Case], None] = lambda case: None
) -> list[Result]:
    """Renew the same cluster in each of `ways`, each in a process of its own."""
    return run_all(run, [Case(way, instances, seed) for way in ways], at_once, done)


def run(case: Case) -> Result:
    """Renew a cluster in one way, and count what became of its tasks and requests."""
    cluster = _drift_test(case) if case.way == DRIFT_TEST else _cluster(case)
    world, fault = cluster.world, CrashAtRandom("autoscaler", 1 / CRASHES_EACH, case.seed)
    templates = world.account.ec2.templates
    old = {one.id for one in cluster.ec2_instances()}
    lost_before = world.account.balancing.seconds_without_target()
    if case.way == BROKEN:
        templates.broken.add(NEW_IMAGE)
    templates.of(cluster.pool.template).images.append(NEW_IMAGE)
    cluster.pool.template_version = "2"
    if case.way == CRASHING:
        world.account.endpoint.fault = fault
    if begin := _BEGIN.get(case.way):
        begin(cluster)
    launched: set[str] = set()
    most, minutes, services_minutes = 0, None, None
    for minute in range(int(LIMIT_S // 60)):
        world.run(60)
        now = cluster.ec2_instances()
        most = max(most, cluster.target)
        launched |= {one.id for one in now if one.image == NEW_IMAGE}
        if services_minutes is None and not any(t.service_name and t.instance.ec2_id in old for t in cluster.tasks()):
            services_minutes = minute + 1
        if not old & {one.id for one in now}:
            minutes = minute + 1
            break
        if case.way == BROKEN and minute == 90:
            break
    # What was stopped last ends its requests.
    world.run(600)
    lost = sum(world.account.balancing.seconds_without_target().values()) - sum(lost_before.values())
    is_drift_test = case.way == DRIFT_TEST
    return Result(
        case.way,
        KARPENTER_INSTANCES if is_drift_test else case.instances,
        KARPENTER_PODS if is_drift_test else (TASKS_AN_INSTANCE + BATCH_AN_INSTANCE) * case.instances,
        services_minutes,
        minutes,
        len(old & {one.id for one in cluster.ec2_instances()}),
        world.account.killed_tasks,
        world.account.balancing.failed_requests,
        round(lost, 1),
        most,
        len(launched),
        fault.crashes,
    )


def _cluster(case: Case) -> SimulatedCluster:
    """Build the cluster, with its services in place and its batch tasks just begun."""
    rng = random.Random(f"renewal {case.seed}")
    world = World(case.seed, timing=Timing.as_aws())
    cluster = world.spot_group_cluster(
        "web",
        case.instances,
        INSTANCE_TYPE,
        min_capacity=case.instances,
        max_capacity=2 * case.instances,
        renew="drift" if case.way in RENEWALS else "off",
        renew_budget=BUDGET_PERCENT,
    )
    tasks = TASKS_AN_INSTANCE * case.instances
    for number, count in enumerate(_counts(tasks)):
        kind = Deploys.BLUE_GREEN if number % 2 else Deploys.ROLLING
        cluster.service(f"app-{number}", count, cpu=512, memory=1024, requests_per_s=1.0, delay_s=60.0, deploys=kind)
    world.run(900)
    for instance in cluster.instances():
        for _ in range(BATCH_AN_INSTANCE):
            cluster.batch_task(instance, min(3 * 3600.0, rng.lognormvariate(6.5, 1.0)))
    follow_market(cluster, synthetic.mild_market(LIMIT_S / 3600, case.seed), LIMIT_S)
    return cluster


def _drift_test(case: Case) -> SimulatedCluster:
    """Build the cluster of Karpenter's drift test, on-demand, with all of its pods as tasks of two services."""
    world = World(case.seed, timing=Timing.as_aws())
    cluster = world.group_cluster(
        "web",
        KARPENTER_INSTANCES,
        types={KARPENTER_TYPE: 1},
        maximum=2 * KARPENTER_INSTANCES,
        min_capacity=KARPENTER_INSTANCES,
        renew="drift",
        renew_budget=BUDGET_PERCENT,
    )
    sizes = {"spread": karpenter.SMALL, "standard": karpenter.LARGE}
    for name, size in sizes.items():
        tasks, cpu, memory = KARPENTER_PODS // len(sizes), size.cpu_units, size.memory_mib
        cluster.service(name, tasks, cpu=cpu, memory=memory)
    world.run(900)
    return cluster


def _counts(tasks: int) -> list[int]:
    """Divide `tasks` among services, of which every tenth has a single task."""
    counts: list[int] = []
    while (left := tasks - sum(counts)) > 0:
        counts.append(1 if len(counts) % 10 == 9 else min(SERVICE_TASKS, left))
    return counts


def _refresh(cluster: SimulatedCluster) -> None:
    """Replace instances as an instance refresh does: terminate, and launch, so that 90 % stay in service.

    Auto Scaling User Guide, "How an instance refresh works". Under the group's hook, the suite empties each.
    """
    _replace(cluster, max(1, int((1 - HEALTHY) * len(cluster.ec2_instances()))), drains_first=False)


def _one_at_a_time(cluster: SimulatedCluster) -> None:
    """Drain an instance, wait until it is empty, terminate it, and wait until another one has registered."""
    _replace(cluster, 1, drains_first=True)


def _replace(cluster: SimulatedCluster, at_once: int, *, drains_first: bool) -> None:
    world, group = cluster.world, cluster.pool
    wanted = len(group.members)
    going: set[str] = set()
    call = world.account.endpoint.answer

    def step() -> None:
        here = {one.id: one for one in cluster.ec2_instances()}
        going.intersection_update(here)
        in_service = sum(one.container_instance is not None and one.id not in going for one in here.values())
        missing = wanted - in_service
        old = [
            one for one in here.values() if one.image != NEW_IMAGE and one.id not in going and one.container_instance
        ]
        for one in old[: max(0, at_once - missing)]:
            going.add(one.id)
            if drains_first:
                assert one.container_instance
                drain = {
                    "cluster": cluster.name,
                    "status": "DRAINING",
                    "containerInstances": [one.container_instance.arn],
                }
                call("peer", "ecs:UpdateContainerInstancesState", drain)
        for id_ in going:
            instance = here[id_].container_instance
            if not drains_first or (instance is not None and not instance.tasks):
                end = {"InstanceId": id_, "ShouldDecrementDesiredCapacity": False}
                if id_ not in group.waiting and id_ not in group.leaving:  # type: ignore[union-attr]
                    call("peer", "autoscaling:TerminateInstanceInAutoScalingGroup", end)

    world.clock.every(15.0, step)


_BEGIN: Mapping[str, Callable[[SimulatedCluster], None]] = {REFRESH: _refresh, ONE_AT_A_TIME: _one_at_a_time}
