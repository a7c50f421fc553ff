"""How tasks stop on the simulated account: their status, their exit times, their targets, and what is not served."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from simulator.ecs.state import Task, TaskStatus
from simulator.timing import Timing
from simulator.world import SimulatedCluster, World


def world_of(**timing: Any) -> World:
    return World(seed=1, duplicates=0.0, scaling=False, timing=Timing(**timing))


def client(world: World, service: str) -> boto3.client:
    return world.account.endpoint.session("test").client(service)


def served(world: World, tasks: int = 2, **service: Any) -> SimulatedCluster:
    """A fleet with a service behind a load balancer."""
    fleet = world.spot_cluster("web", 2)
    fleet.service("api", tasks, requests_per_s=2, **service)
    world.run(60)
    return fleet


def shown(world: World, task: Task) -> str:
    return str(client(world, "ecs").describe_tasks(cluster="web", tasks=[task.arn])["tasks"][0]["lastStatus"])


def listed(world: World, desired: str) -> list[str]:
    arns: list[str] = client(world, "ecs").list_tasks(cluster="web", desiredStatus=desired)["taskArns"]
    return arns


def health(world: World, task: Task) -> str:
    [target] = task.targets
    answer = client(world, "elbv2").describe_target_health(
        TargetGroupArn=target.group.arn, Targets=[{"Id": target.id, "Port": target.port}]
    )
    return str(answer["TargetHealthDescriptions"][0]["TargetHealth"]["State"])


@pytest.mark.parametrize(("displays_delay", "state"), [(True, "draining"), (False, "unused")])
def test_an_idle_target_is_displayed_as_draining_until_its_delay_has_passed(displays_delay: bool, state: str) -> None:
    world = world_of(displays_delay=displays_delay)
    fleet = served(world, delay_s=120)
    task = fleet.tasks()[0]
    world.account.balancing.deregister(task.targets[0])

    world.run(110)
    assert task.targets[0].left_at < world.clock.now, "its last request has ended"  # type: ignore[operator]
    assert health(world, task) == state
    world.run(15)
    assert health(world, task) == "unused"


def test_the_service_scheduler_waits_for_the_displayed_state() -> None:
    world = world_of(displays_delay=True)
    fleet = served(world, delay_s=90)
    [leaving, _] = sorted(fleet.tasks(), key=lambda t: (-t.created_at, t.arn))
    world.account.scheduler.services.set_desired(fleet.state.services["api"], 1)

    world.run(89)
    assert leaving.sigterm_at is None
    assert shown(world, leaving) == "DEACTIVATING"
    world.run(2)
    assert leaving.sigterm_at is not None


def test_a_task_that_stops_goes_through_each_status() -> None:
    world = world_of(displays_delay=True, stop_task_waits=True, exits=10.0, deprovisioning_s=2.0)
    task = served(world, delay_s=30).tasks()[0]
    assert shown(world, task) == "RUNNING"

    client(world, "ecs").stop_task(cluster="web", task=task.arn)
    statuses = []
    for _ in range(100):
        status = shown(world, task)
        statuses += [status] if status not in statuses else []
        world.run(0.5)

    assert statuses == ["DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]
    assert world.account.balancing.failed_requests == 0


@pytest.mark.parametrize(("waits", "lost"), [(True, False), (False, True)])
def test_stop_task_either_waits_for_the_targets_or_loses_requests(waits: bool, lost: bool) -> None:
    world = world_of(stop_task_waits=waits)
    fleet = served(world, tasks=6)
    for task in fleet.tasks():
        client(world, "ecs").stop_task(cluster="web", task=task.arn)
    world.run(60)

    assert (world.account.balancing.failed_requests > 0) is lost


def test_a_task_that_stops_is_listed_as_stopped_and_stays_so_for_an_hour() -> None:
    world = world_of(exits=20.0)
    fleet = world.spot_cluster("web", 1)
    task = fleet.batch_task(fleet.instances()[0], None)
    world.run(10)
    assert (listed(world, "RUNNING"), listed(world, "STOPPED")) == ([task.arn], [])

    client(world, "ecs").stop_task(cluster="web", task=task.arn)
    assert (listed(world, "RUNNING"), listed(world, "STOPPED")) == ([], [task.arn])
    assert task.status is TaskStatus.RUNNING, "it has its stop timeout to run"
    world.run(3500)
    assert listed(world, "STOPPED") == [task.arn]
    assert shown(world, task) == "STOPPED"
    world.run(200)
    assert listed(world, "STOPPED") == []


def test_a_task_that_stops_leaves_the_count_of_its_instance_at_once() -> None:
    """ECS API: runningTasksCount counts tasks whose desired status is RUNNING."""
    world = world_of(exits=20.0)
    fleet = world.spot_cluster("web", 1)
    [instance] = fleet.instances()
    task = fleet.batch_task(instance, None)
    ecs = client(world, "ecs")

    def counted() -> tuple[int, int]:
        described = ecs.describe_container_instances(cluster="web", containerInstances=[instance.arn])
        [one] = described["containerInstances"]
        return one["runningTasksCount"], one["pendingTasksCount"]

    assert counted() == (0, 1)
    world.run(10)
    assert counted() == (1, 0)
    ecs.stop_task(cluster="web", task=task.arn)
    assert counted() == (0, 0)
    assert task.arn in instance.tasks, "it runs on until its stop timeout"


def test_tasks_exit_after_a_spread_of_times_and_some_only_by_sigkill() -> None:
    world = world_of(exits=(2.0, 25.0), ignores_sigterm=0.2)
    fleet = world.spot_cluster("web", 1, "m5.8xlarge")
    definition = fleet.define("batch", 64, 64, stop_timeout_s=40)
    start = world.account.scheduler.start
    tasks = [start(fleet.instances()[0], definition, "family:batch") for _ in range(100)]
    world.run(10)
    for task in tasks:
        world.account.scheduler.stop(task)
    world.run(60)

    took = [t.exited_at - t.sigterm_at for t in tasks]  # type: ignore[operator]
    assert 5 < sum(s == pytest.approx(40) for s in took) < 40
    assert all(2 <= s <= 25 or s == pytest.approx(40) for s in took)
    assert len({round(s, 3) for s in took}) > 50


def test_a_task_definition_may_have_its_own_exit_times() -> None:
    world = world_of(exits=(2.0, 25.0))
    fleet = world.spot_cluster("web", 1)
    start, instance = world.account.scheduler.start, fleet.instances()[0]
    fixed = start(instance, fleet.define("fixed", 64, 64, exit_s=7.0), "family:fixed")
    drawn = start(instance, fleet.define("drawn", 64, 64, exit_s=lambda rng: 100 + rng.random()), "family:drawn")

    assert world.account.scheduler.exit_s(fixed) == 7.0
    assert world.account.scheduler.exit_s(drawn) == 30, "SIGKILL ends it at its stop timeout"


def test_a_task_whose_container_has_ended_is_not_killed_with_its_instance() -> None:
    world = world_of(exits=1.0, deprovisioning_s=60.0)
    fleet = world.spot_cluster("web", 1)
    task = fleet.batch_task(fleet.instances()[0], None)
    world.run(10)
    world.account.scheduler.stop(task)
    world.run(5)
    assert task.last_status is TaskStatus.DEPROVISIONING

    world.account.ec2.terminate(fleet.ec2_instances()[0])
    world.run(120)
    assert world.account.killed_tasks == 0
    assert task.status is TaskStatus.STOPPED


def test_what_arrives_while_no_target_takes_requests_is_unserved() -> None:
    world = world_of()
    fleet = served(world, tasks=4)
    balancing = world.account.balancing
    assert (balancing.unserved_requests, balancing.seconds_without_target()) == (0, {})

    for task in fleet.tasks():
        balancing.deregister(task.targets[0])
    world.run(101)

    # The last request is sent a second after the deregistration; four targets had two requests a second each.
    assert balancing.seconds_without_target() == {"web-api-0": pytest.approx(100)}
    assert balancing.unserved_requests == 100 * 4 * 2
    assert balancing.failed_requests == 0


def test_a_service_that_shall_have_no_task_leaves_no_request_unserved() -> None:
    world = world_of()
    fleet = served(world)
    world.account.scheduler.services.set_desired(fleet.state.services["api"], 0)
    world.run(300)

    assert fleet.tasks() == []
    assert world.account.balancing.unserved_requests == 0


def test_a_group_that_has_a_target_again_is_served() -> None:
    world = world_of()
    fleet = served(world, tasks=1)
    world.account.scheduler.stop(fleet.tasks()[0])
    world.run(60)
    missed = world.account.balancing.unserved_requests
    world.run(300)

    assert 10 < missed < 60, "ECS places and starts another task, which takes requests after some 15 s"
    assert world.account.balancing.unserved_requests == missed
