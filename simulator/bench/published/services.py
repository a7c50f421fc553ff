"""What AWS documents of ECS's services and calls, and of Spot, measured on the simulated account."""

from __future__ import annotations

import itertools
from statistics import fmean

from simulator.ecs.state import TaskStatus
from simulator.errors import AwsError
from simulator.timing import Timing
from simulator.workload import synthetic
from simulator.world import SimulatedCluster, World

CALLER = "published"
FLEETS, BOOTS = 50, 200
MONTHS, HOURS_A_MONTH = 24, 730.0


def launched_in_a_minute(seed: int) -> float:
    """Return how many tasks of one service ECS launches within a minute, with room for all of 1,200."""
    cluster = _cluster(seed, instances=60, instance_type="m5.4xlarge")
    cluster.service("app", 1200, cpu=256, memory=512)
    cluster.world.run(59)
    return float(len(cluster.tasks()))


def stop_tasks_s(seed: int) -> float:
    """Return after how many seconds 1,000 tasks were stopped by calls that are tried again at once."""
    cluster = _cluster(seed, instances=60, instance_type="m5.4xlarge")
    cluster.service("app", 1000, cpu=256, memory=512)
    cluster.world.run(600)
    world, began = cluster.world, cluster.world.clock.now
    for task in cluster.tasks():
        while True:
            try:
                world.account.endpoint.answer(CALLER, "ecs:StopTask", {"cluster": cluster.name, "task": task.arn})
                break
            except AwsError:
                world.run(0.005)
    return world.clock.now - began


def longest_between_failed_starts_s(seed: int) -> float:
    """Return the longest time between two tries of a service whose tasks do not start."""
    cluster = _cluster(seed)
    tries: list[float] = []
    cluster.world.account.scheduler.observer.placed = lambda task, waited_s: tries.append(cluster.world.clock.now)
    cluster.service("app", 1, starts=False)
    cluster.world.run(6 * 3600)
    return max(after - before for before, after in itertools.pairwise(tries))


def killed_after_s(seed: int) -> float:
    """Return how long a task that ignores SIGTERM runs on after StopTask."""
    cluster = _cluster(seed)
    cluster.service("app", 1, exit_s=3600.0)
    cluster.world.run(120)
    [task] = cluster.running()
    began = cluster.world.clock.now
    stop = {"cluster": cluster.name, "task": task.arn}
    cluster.world.account.endpoint.answer(CALLER, "ecs:StopTask", stop)
    while task.status not in (TaskStatus.DEPROVISIONING, TaskStatus.STOPPED):
        cluster.world.run(0.5)
    return cluster.world.clock.now - began


def draining_s(seed: int) -> float:
    """Return for how long a deregistered target without requests is shown as draining."""
    cluster = _cluster(seed)
    cluster.service("app", 1, requests_per_s=0.001)
    cluster.world.run(120)
    [task] = cluster.running()
    [target] = task.targets
    group = {"TargetGroupArn": target.group.arn}
    named = {**group, "Targets": [{"Id": target.id, "Port": target.port}]}
    answer = cluster.world.account.endpoint.answer
    answer(CALLER, "elbv2:DeregisterTargets", named)
    began = cluster.world.clock.now
    while True:
        [found] = answer(CALLER, "elbv2:DescribeTargetHealth", named)["TargetHealthDescriptions"]
        if found["TargetHealth"]["State"] != "draining":
            return cluster.world.clock.now - began
        cluster.world.run(1)


def boot_s(seed: int) -> float:
    """Return how long an instance takes on average from its launch to its registration with the cluster."""
    cluster = _cluster(seed)
    group, clock = cluster.pool, cluster.world.clock
    desired = {"AutoScalingGroupName": cluster.name, "DesiredCapacity": 1 + BOOTS}
    cluster.world.account.endpoint.answer(CALLER, "autoscaling:SetDesiredCapacity", desired)
    launched: dict[str, float] = {}
    registered: dict[str, float] = {}
    while len(registered) <= BOOTS:
        for id_ in group.members:
            launched.setdefault(id_, clock.now)
        for instance in cluster.instances():
            registered.setdefault(instance.ec2_id, clock.now)
        cluster.world.run(1)
    return fmean(registered[id_] - launched[id_] for id_ in registered if registered[id_] > launched[id_])


def fleet_acts_s(seed: int) -> float:
    """Return how long a Spot Fleet takes on average from a change of its target to the launch."""
    taken = []
    for number in range(FLEETS):
        cluster = World(1000 * seed + number, scaling=False, timing=Timing.as_aws()).spot_cluster("spot", 1)
        began = cluster.world.clock.now
        change = {"SpotFleetRequestId": cluster.pool.id, "TargetCapacity": 2}  # type: ignore[union-attr]
        cluster.world.account.endpoint.answer(CALLER, "ec2:ModifySpotFleetRequest", change)
        while len(cluster.ec2_instances()) < 2:
            cluster.world.run(1)
        taken.append(cluster.world.clock.now - began)
    return fmean(taken)


def interrupted_percent(seed: int) -> float:
    """Return how many percent of the instances of a month the mild market of the benchmarks interrupts."""
    market = synthetic.mild_market(MONTHS * HOURS_A_MONTH, seed)
    lost = sum(max(0, before - after) for before, after in itertools.pairwise(market.available))
    return 100 * lost / (MONTHS * market.most)


def _cluster(seed: int, instances: int = 1, instance_type: str = "m5.large") -> SimulatedCluster:
    world = World(seed, scaling=False, timing=Timing.as_aws())
    return world.group_cluster("web", instances, instance_type)
