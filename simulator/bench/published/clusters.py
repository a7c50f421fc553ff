"""Clusters that grow from nothing and shrink, as others have measured them. All times are in seconds."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from simulator.ecs.strategies import Strategy
from simulator.policies import Start, cluster_autoscaler, karpenter, managed_instances, managed_scaling
from simulator.policies.peer import missing_tasks
from simulator.timing import Timing
from simulator.world import SimulatedCluster, World

# Vlad Ionescu's benchmark (github.com/Vlaaaaaaad/blog-scaling-containers-on-aws-in-2022, ecs-on-ec2): five services of
# 700 tasks of 1 vCPU and 2 GiB, on Spot Instances of 16 vCPU and 32 GiB, at most 250 of them, one at first. It has the
# Arm type c6g, whose size is that of c6i.
TYPE, MOST, SERVICES, TASKS_OF_EACH, TASK = "c6i.4xlarge", 250, 5, 700, (1024, 2048)
# AWS's own, of the faster scale-in: 1,000 tasks, three on each c5.xlarge, and then 100.
PACKED_TYPE, PACKED_TASK, PACKED_BEFORE, PACKED_AFTER = "c5.xlarge", (1024, 2048), 1000, 100
FULL, LEFT = 334, 34
STEP_S, GIVEN_UP_S = 5.0, 7200.0


def first_task_s(policy: Start, seed: int) -> float:
    """Return after how long the first task on a new instance runs."""
    return _growth(policy, seed)[0]


def all_tasks_s(policy: Start, seed: int) -> float:
    """Return after how long all 3,500 tasks run."""
    return _growth(policy, seed)[1]


@cache
def _growth(policy: Start, seed: int) -> tuple[float, float]:
    """Return after how long the first task on a new instance runs, and all of them."""
    cluster = _cluster(seed)
    policy(cluster, lambda: missing_tasks(cluster))
    cluster.world.run(120)
    # ECS knows the size of the group's instances from the one that runs; what it holds is no new capacity.
    old = {i.arn for i in cluster.instances()}
    began = cluster.world.clock.now
    for number in range(SERVICES):
        cluster.service(f"app-{number}", TASKS_OF_EACH, cpu=TASK[0], memory=TASK[1])
    first_s = _until(cluster, lambda: any(t.instance.arn not in old for t in cluster.running()))
    _until(cluster, lambda: len(cluster.running()) >= SERVICES * TASKS_OF_EACH)
    return first_s, cluster.world.clock.now - began


def first_task_from_nothing_s(policy: Start, seed: int) -> float:
    """Return after how long a single task runs on a cluster without any instance."""
    cluster = _cluster(seed, instances=0)
    policy(cluster, lambda: missing_tasks(cluster))
    cluster.world.run(60)
    cluster.service("app", 1, cpu=TASK[0], memory=TASK[1])
    return _until(cluster, lambda: bool(cluster.running()))


def decision_s(policy: Start, seed: int) -> float:
    """Return after how long the pool's target rises for tasks that find no room on 50 full instances."""
    cluster = _cluster(seed, instances=50)
    cluster.service("full", 50 * 15, cpu=TASK[0], memory=TASK[1])
    cluster.world.run(300)
    before = cluster.target
    policy(cluster, lambda: missing_tasks(cluster))
    # Its look is every ten seconds: between two of them.
    cluster.world.run(63)
    cluster.service("more", 30, cpu=TASK[0], memory=TASK[1])
    return _until(cluster, lambda: cluster.target > before, step_s=1.0)


def scale_in_begins_s(seed: int) -> float:
    """Return how long after the smaller desired count managed scaling first lowers the number of instances."""
    return _shrinking(seed)[0]


def scale_in_takes_s(seed: int) -> float:
    """Return how long it takes from the first step of managed scaling's scale-in to the last."""
    begins_s, ends_s = _shrinking(seed)
    return ends_s - begins_s


@cache
def _shrinking(seed: int) -> tuple[float, float]:
    world = World(seed, scaling=False, timing=Timing.as_aws())
    cluster = world.group_cluster("packed", FULL, PACKED_TYPE)
    # Nothing but managed scaling is measured: no hook holds an instance.
    cluster.pool.hook = ""  # type: ignore[union-attr]
    service = cluster.service(
        "app", PACKED_BEFORE, cpu=PACKED_TASK[0], memory=PACKED_TASK[1], strategy=Strategy.BINPACK
    )
    world.run(600)
    managed_scaling.start(cluster, lambda: missing_tasks(cluster))
    world.run(600)
    world.account.scheduler.services.set_desired(service, PACKED_AFTER)
    begins_s = _until(cluster, lambda: cluster.target < FULL)
    return begins_s, begins_s + _until(cluster, lambda: len(cluster.ec2_instances()) <= LEFT)


def _cluster(seed: int, instances: int = 1) -> SimulatedCluster:
    world = World(seed, scaling=False, timing=Timing.as_aws())
    return world.spot_group_cluster("spot", instances, TYPE, maximum=MOST)


def _until(cluster: SimulatedCluster, done: Callable[[], bool], step_s: float = STEP_S) -> float:
    """Let time pass until `done`, and return how long that took, to `step_s`. It ends after `GIVEN_UP_S`."""
    began = cluster.world.clock.now
    while not done() and cluster.world.clock.now - began < GIVEN_UP_S:
        cluster.world.run(step_s)
    return cluster.world.clock.now - began


MANAGED_SCALING: Start = managed_scaling.start
KARPENTER: Start = karpenter.start
CLUSTER_AUTOSCALER: Start = cluster_autoscaler.start
MANAGED_INSTANCES: Start = managed_instances.start
