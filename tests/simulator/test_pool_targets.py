"""Instances that their pool itself registers leave the load balancer before the daemon that serves it is stopped."""

from __future__ import annotations

import itertools

import pytest

from simulator.endpoint import Params
from simulator.errors import AwsError
from simulator.target_groups import TargetGroup
from simulator.world import SimulatedCluster, World
from steady.pools import PoolKind

CASES = list(itertools.product((False, True), (0, 4)))


def ingress_world(pool: PoolKind, *, batch: bool, workers: int, minimum_healthy_percent: int = 100) -> SimulatedCluster:
    world = World(seed=31)
    ingress = TargetGroup("ingress", port=80, requests_per_s=5)
    cluster = world.cluster(pool, "web", 4, "m5.large", mode="paused", ingress=ingress)
    cluster.daemon("ingress", container_port=80, host_network=True)
    for instance in cluster.instances() if batch else ():
        cluster.batch_task(instance, run_s=100)
    if workers:
        cluster.service("worker", workers, minimum_healthy_percent=minimum_healthy_percent)
    world.run(90)
    return cluster


def lost(world: World) -> tuple[int, int]:
    return world.account.killed_tasks, world.account.balancing.failed_requests


@pytest.mark.parametrize(("batch", "workers"), CASES)
@pytest.mark.parametrize("healthy", [0, 100])
def test_spot_instances_lose_no_request_whatever_else_runs_on_them(batch: bool, workers: int, healthy: int) -> None:
    fleet = ingress_world(PoolKind.SPOT_FLEET, batch=batch, workers=workers, minimum_healthy_percent=healthy)

    taken = fleet.reclaim(2)
    fleet.world.run(115)
    assert [i.id for i in taken if i.container_instance and i.container_instance.tasks] == []
    fleet.world.run(60)

    assert lost(fleet.world) == (0, 0)
    assert fleet.world.suite.telemetry.errors() == []
    assert "DrainStepFailures" not in {name for name, count in fleet.world.suite.telemetry.counts.items() if count}


def test_an_instance_whose_pool_cannot_be_read_at_first_is_drained_at_once_and_leaves_later() -> None:
    fleet = ingress_world(PoolKind.SPOT_FLEET, batch=True, workers=4)
    world, actions = fleet.world, fleet.world.account.endpoint.actions
    answer = actions["ec2:DescribeSpotFleetRequests"]

    def refuse_for_ten_seconds(params: Params) -> object:
        if world.clock.now < begun + 10:
            raise AwsError("RequestLimitExceeded", "Request limit exceeded.", status=503)
        return answer(params)

    begun = world.clock.now
    actions["ec2:DescribeSpotFleetRequests"] = refuse_for_ten_seconds  # type: ignore[assignment]
    taken = fleet.reclaim(2)
    world.run(8)
    assert {i.container_instance.status for i in taken if i.container_instance} == {"DRAINING"}
    world.run(20)

    assert all(t.deregistered_at for i in taken if i.container_instance for t in i.container_instance.targets)


@pytest.mark.parametrize(("batch", "workers"), CASES)
def test_a_group_deregisters_its_instances_itself_before_they_wait_under_the_hook(batch: bool, workers: int) -> None:
    group = ingress_world(PoolKind.AUTO_SCALING_GROUP, batch=batch, workers=workers)
    world, leaving = group.world, group.ec2_instances()[:2]

    for instance in leaving:
        world.account.groups.fail(instance)
    assert {i.container_instance.status for i in leaving if i.container_instance} == {"ACTIVE"}
    world.run(600)

    assert [i.id for i in leaving if i.alive] == []
    assert lost(world) == (0, 0)
