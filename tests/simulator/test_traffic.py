"""Every way in which a task gets requests: none is stopped early while requests may still come."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.ecs.state import Deploys, Task
from simulator.ecs.stopping import SERVICE_CONNECT_STOP_S
from simulator.errors import AwsError
from simulator.service_kinds import KINDS, WITH_KNOWN_TARGETS
from simulator.target_groups import TargetGroup
from simulator.world import SimulatedCluster, World
from steady.aws.service_out.pool_targets import instance_targets
from steady.pools import PoolKind, PoolName
from steady.service_out.doomed import Target
from tests.simulator.stops import stops_watched

# On Spot: 120 s, less the stop timeout of 30 s and the margin of 8 s.
LAST_STOP_S = 82
LATE = sorted(set(KINDS) - set(WITH_KNOWN_TARGETS))


def fleet_of(world: World, kind: str, tasks: int = 4) -> SimulatedCluster:
    """A fleet of four instances with one service of this kind."""
    fleet = world.spot_cluster("web", 4, mode="paused")
    options = dict(KINDS[kind])
    fleet.service("api", tasks, requests_per_s=5, **options)
    world.run(60)
    return fleet


def stopped_after(tasks: list[Task], since: float) -> list[float]:
    return [task.sigterm_at - since for task in tasks if task.sigterm_at]


@pytest.mark.parametrize("kind", WITH_KNOWN_TARGETS)
def test_no_task_is_stopped_while_it_takes_requests_whatever_its_services_kind(kind: str) -> None:
    world = World(seed=40)
    fleet = fleet_of(world, kind)
    tasks = fleet.tasks()

    with stops_watched(world) as stops:
        reclaimed_at = world.clock.now
        fleet.reclaim()
        world.run(130)

    assert stops
    assert [task.arn for task, took_requests in stops if took_requests] == []
    assert max(stopped_after(tasks, reclaimed_at)) < LAST_STOP_S - 5, "their targets are known: none waits in vain"
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


@pytest.mark.parametrize("kind", LATE)
def test_a_task_that_may_get_requests_in_another_way_is_stopped_as_late_as_a_batch_task(kind: str) -> None:
    world = World(seed=41)
    fleet = fleet_of(world, kind)
    tasks = fleet.tasks()

    reclaimed_at = world.clock.now
    fleet.reclaim()
    world.run(130)

    # The proxy of Service Connect ends after the task's own container.
    proxy_s = SERVICE_CONNECT_STOP_S if kind == "service-connect" else 0
    assert min(stopped_after(tasks, reclaimed_at)) > LAST_STOP_S - proxy_s - 1
    assert world.account.killed_tasks == 0
    lines = [line.message for line in world.suite.telemetry.log_lines if "service api" in line.message]
    assert lines
    assert all("as late as batch tasks" in line for line in lines)


def test_the_targets_behind_a_network_load_balancer_are_deregistered_at_once_all_the_same() -> None:
    world = World(seed=42)
    fleet = fleet_of(world, "nlb")
    targets = [t for task in fleet.tasks() for t in task.targets]

    fleet.reclaim()
    world.run(10)

    assert targets
    assert all(t.deregistered_at for t in targets)


def test_under_a_hook_there_is_time_for_a_network_load_balancer() -> None:
    world = World(seed=43)
    group = world.group_cluster("web", 3, mode="paused")
    group.service("api", 3, requests_per_s=5, protocol="TCP", minimum_healthy_percent=0)
    world.run(60)

    world.account.groups.fail(group.ec2_instances()[0])
    world.run(600)

    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


@pytest.mark.parametrize("described", [True, False])
def test_tasks_that_a_deployment_leaves_in_another_target_group_are_known_by_their_service_revision(
    described: bool,
) -> None:
    world = World(seed=44)
    fleet = fleet_of(world, "rolling")
    [service] = fleet.state.services.values()
    old = fleet.tasks()
    service.deploy(fleet.target_group("moved", 5).arn)
    if not described:
        world.account.endpoint.actions["ecs:DescribeServiceRevisions"] = refuse

    with stops_watched(world) as stops:
        reclaimed_at = world.clock.now
        fleet.reclaim()
        world.run(130)

    assert (max(stopped_after(old, reclaimed_at)) < LAST_STOP_S - 5) is described
    assert (min(stopped_after(old, reclaimed_at)) > LAST_STOP_S - 1) is not described
    assert {task.arn for task, took in stops if took} == (set() if described else {t.arn for t in old})


def test_a_service_that_has_deployed_since_it_was_read_is_read_again() -> None:
    """A process keeps a service for a minute. The tasks of a newer deployment say that it has changed."""
    world = World(seed=45, duplicates=0.0)
    fleet = world.spot_cluster("web", 4, mode="paused")
    service = fleet.service("api", 4, requests_per_s=5)
    world.run(60)
    fleet.reclaim(1)
    world.run(8)
    service.deploy(fleet.target_group("moved", 5).arn)
    world.account.scheduler.services.set_desired(service, 8)
    world.run(30)
    moved = [task for task in fleet.tasks() if task.revision == 2 and task.targets]

    with stops_watched(world) as stops:
        fleet.reclaim()
        world.run(130)

    assert moved
    assert {task.arn for task in moved} <= {task.arn for task, _ in stops}
    assert [task.arn for task, took_requests in stops if took_requests] == []


@pytest.mark.parametrize("kind", ["rolling", "nlb"])
def test_behind_target_groups_that_cannot_be_described_tasks_are_stopped_late(kind: str) -> None:
    world = World(seed=46)
    fleet = fleet_of(world, kind)
    tasks = fleet.tasks()
    world.account.endpoint.actions["elbv2:DescribeTargetGroups"] = refuse

    reclaimed_at = world.clock.now
    fleet.reclaim()
    world.run(130)

    assert min(stopped_after(tasks, reclaimed_at)) > LAST_STOP_S - 1, "they may be of a Network Load Balancer"
    assert world.account.killed_tasks == 0
    assert world.suite.telemetry.errors() == []


@pytest.mark.parametrize("pool", list(PoolKind))
def test_the_instances_that_a_pool_registers_are_targets_at_the_groups_own_port(pool: PoolKind) -> None:
    world = World(seed=47)
    ingress = TargetGroup("ingress", port=8080)
    cluster = world.cluster(pool, "web", 2, "m5.large", ingress=ingress)
    runtime = world.suite.runtime("test")
    ids = [i.ec2_id for i in cluster.instances()]
    name = PoolName(pool, "web" if pool is PoolKind.AUTO_SCALING_GROUP else "sfr-web")

    found = instance_targets(runtime, [name], ids)
    assert found == {id_: frozenset({Target(ingress.arn, id_, 8080)}) for id_ in ids}
    assert all(key in ingress.targets for key in ((id_, 8080) for id_ in ids)), "the pool has registered them"

    calls = world.account.endpoint.total().calls.total()
    assert instance_targets(runtime, [name], ids) == found
    assert world.account.endpoint.total().calls.total() == calls, "a pool is read once a minute"


def test_a_pool_without_target_groups_has_no_targets_and_those_of_one_that_cannot_be_read_are_not_known() -> None:
    world = World(seed=48)
    world.spot_cluster("web", 1)
    runtime = world.suite.runtime("test")
    fleet, group = PoolKind.SPOT_FLEET, PoolKind.AUTO_SCALING_GROUP

    assert instance_targets(runtime, [PoolName(fleet, "sfr-web")], ["i-1"]) == {"i-1": frozenset()}
    assert instance_targets(runtime, [PoolName(fleet, "sfr-gone")], ["i-1"]) == {"i-1": frozenset()}
    assert instance_targets(runtime, [PoolName(group, "gone")], ["i-1"]) == {"i-1": frozenset()}
    world.account.endpoint.actions["autoscaling:DescribeAutoScalingGroups"] = refuse
    assert instance_targets(runtime, [PoolName(group, "web")], ["i-1"]) is None


def test_requests_to_an_instance_reach_the_daemon_that_listens_at_the_port() -> None:
    world = World(seed=49)
    fleet = world.spot_cluster("web", 1, mode="paused", ingress=TargetGroup("ingress", port=80, requests_per_s=10))
    fleet.daemon("ingress", container_port=80, host_network=True)
    world.run(60)
    [task] = fleet.tasks()

    world.account.scheduler.stop(task)
    world.run(10)
    world.account.ec2.terminate(fleet.ec2_instances()[0])

    assert world.account.balancing.failed_requests >= 90, "nobody has deregistered the instance before the stop"


def refuse(params: Any) -> dict[str, Any]:
    raise AwsError("AccessDeniedException", "no")


def test_an_external_service_is_read_by_the_scaling_too() -> None:
    world = World(seed=50)
    fleet = world.spot_cluster("web", 1)
    fleet.service("api", 9, cpu=256, memory=1024, requests_per_s=1, deploys=Deploys.EXTERNAL)

    world.run(600)

    assert [f for function in world.suite.functions() for f in function.failures] == []
    assert len(fleet.running()) == 9


def full_fleet_in_cloud_map(world: World) -> SimulatedCluster:
    """Four instances, each full of one task of a service in Cloud Map: ECS finds no room for a replacement."""
    fleet = world.spot_cluster("web", 4, "m5.large", mode="paused")
    fleet.service("api", 4, cpu=2000, memory=512, requests_per_s=5, **KINDS["cloud-map"])
    world.run(60)
    return fleet


def test_tasks_leave_cloud_map_at_once_and_are_stopped_once_its_clients_have_forgotten_them() -> None:
    """Cloud Map's clients keep an address for 60 s, and ECS deregisters a task only when it is stopped."""
    world = World(seed=46)
    fleet = full_fleet_in_cloud_map(world)
    doomed = fleet.reclaim(2)
    tasks = [task for instance in doomed for task in fleet.tasks() if task.instance.ec2_id == instance.id]

    world.run(12)
    assert [bool(t.deregistered_at) for task in tasks for t in task.targets] == [True, True]
    world.run(120)

    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


@pytest.mark.parametrize(
    "error",
    ["AccessDeniedException", "RequestLimitExceeded", "InstanceNotFound", "ServiceNotFound", "DuplicateRequest"],
)
def test_what_cloud_map_refuses_stops_no_other_task(error: str) -> None:
    world = World(seed=48)
    fleet = full_fleet_in_cloud_map(world)
    fleet.service("web", 4, cpu=40, memory=64, requests_per_s=5)
    world.run(60)

    def refuse_all(_: object) -> dict[str, object]:
        raise AwsError(error, "refused")

    world.account.endpoint.actions["servicediscovery:DeregisterInstance"] = refuse_all
    with stops_watched(world) as stops:
        fleet.reclaim(2)
        world.run(130)

    assert len(stops) == 4
    assert [task.service_name for task, took_requests in stops if took_requests] == ["api"] * 2
    assert world.account.killed_tasks == 0
