"""The simulated account behaves as AWS does where the suite depends on it (see the facts each test names)."""

from __future__ import annotations

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError

from simulator.clock import Clock
from simulator.ecs.state import TaskStatus
from simulator.lambdas import Function
from simulator.queues import Queue
from simulator.world import SimulatedCluster, World
from steady.aws.runtime import CLIENT_CONFIG


@pytest.fixture
def world() -> World:
    return World(seed=1, duplicates=0.0, scaling=False)


@pytest.fixture
def fleet(world: World) -> SimulatedCluster:
    return world.spot_cluster("web", 12)


def client(world: World, service: str) -> boto3.client:
    return world.account.endpoint.session("test").client(service, config=CLIENT_CONFIG)


def test_eleven_instances_a_state_update_are_refused(world: World, fleet: SimulatedCluster) -> None:
    arns = [i.arn for i in fleet.instances()]

    with pytest.raises(ClientError, match="1 to 10 are needed"):
        client(world, "ecs").update_container_instances_state(
            cluster="web", containerInstances=arns[:11], status="DRAINING"
        )


def test_lists_come_in_pages_and_obey_their_filter(world: World, fleet: SimulatedCluster) -> None:
    ecs = client(world, "ecs")
    pages = list(
        ecs.get_paginator("list_container_instances").paginate(cluster="web", PaginationConfig={"PageSize": 5})
    )
    ids = [i.ec2_id for i in fleet.instances()[:2]]
    found = ecs.list_container_instances(cluster="web", filter=f"ec2InstanceId in [{', '.join(ids)}]")

    assert [len(p["containerInstanceArns"]) for p in pages] == [5, 5, 2]
    assert set(found["containerInstanceArns"]) == {i.arn for i in fleet.instances()[:2]}


def test_tasks_are_listed_by_family_and_by_service(world: World, fleet: SimulatedCluster) -> None:
    fleet.service("api", 3, cpu=128, memory=128)
    fleet.service("worker", 2, cpu=128, memory=128)
    world.run(60)
    ecs = client(world, "ecs")
    families = {t.definition.family for t in fleet.tasks() if t.group == "service:api"}

    of_service = ecs.list_tasks(cluster="web", serviceName="api")["taskArns"]
    of_family = ecs.list_tasks(cluster="web", family=families.pop())["taskArns"]

    assert set(of_service) == set(of_family) == {t.arn for t in fleet.tasks() if t.group == "service:api"}
    assert len(of_service) == 3
    assert not ecs.list_tasks(cluster="web", launchType="FARGATE")["taskArns"]


def test_botocore_still_checks_the_parameters(world: World) -> None:
    with pytest.raises(ParamValidationError):
        client(world, "ecs").stop_task(cluster=7)


def test_run_task_says_what_it_lacks(world: World) -> None:
    fleet = world.spot_cluster("small", 1)
    ecs = client(world, "ecs")

    def run(cpu: int, memory: int) -> str:
        definition = fleet.define(f"f{cpu}-{memory}", cpu, memory)
        return str(ecs.run_task(cluster="small", taskDefinition=definition.arn)["failures"][0]["reason"])

    assert run(9999, 1) == "RESOURCE:CPU"
    assert run(1, 99999) == "RESOURCE:MEMORY"


def test_run_task_in_an_empty_cluster_fails_as_hako_knows_it(world: World) -> None:
    fleet = world.spot_cluster("empty", 0)
    definition = fleet.define("batch", 1, 1)

    with pytest.raises(ClientError, match="No Container Instances were found in your cluster"):
        client(world, "ecs").run_task(cluster="empty", taskDefinition=definition.arn)


def test_a_burst_is_throttled_and_the_sdk_tries_again(world: World, fleet: SimulatedCluster) -> None:
    ecs = client(world, "ecs")
    before = world.clock.now
    world.clock.in_parallel(lambda _: ecs.list_tasks(cluster="web"), range(200))

    counts = world.account.endpoint.counted("test")
    # 100 at once, then 20 a second: 200 calls take 5 s at least.
    assert world.clock.now - before >= 4.5
    assert counts.throttled > 0
    assert counts.calls["ecs:ListTasks"] == 200 + counts.throttled


def test_stop_task_alone_loses_requests(world: World, fleet: SimulatedCluster) -> None:
    """StopTask by itself does not drain connections first (containers-roadmap #576)."""
    fleet.service("api", 6, requests_per_s=10)
    world.run(60)

    for task in fleet.tasks("service:api"):
        client(world, "ecs").stop_task(cluster="web", task=task.arn)
    world.run(60)

    assert world.account.balancing.failed_requests > 0


def test_a_service_that_is_scaled_down_loses_none(world: World, fleet: SimulatedCluster) -> None:
    service = fleet.service("api", 6, requests_per_s=10)
    world.run(60)

    world.account.scheduler.services.set_desired(service, 1)
    world.run(120)

    assert len(fleet.running()) == 1
    assert world.account.balancing.failed_requests == 0


def test_draining_replaces_within_the_minimum_healthy_percent_and_never_stops_a_batch_task(world: World) -> None:
    fleet = world.spot_cluster("pair", 2)
    fleet.service("api", 2, requests_per_s=1)
    batch = fleet.batch_task(fleet.instances()[0], None)
    world.run(60)
    fewest = []

    world.account.scheduler.drain(fleet.instances()[0])
    for _ in range(60):
        world.run(1)
        fewest.append(sum(t.status is TaskStatus.RUNNING and not t.stopping for t in fleet.tasks("service:api")))

    assert min(fewest) == 2
    assert {t.instance for t in fleet.tasks("service:api")} == {fleet.instances()[1]}
    assert batch.status is TaskStatus.RUNNING


def test_a_lowered_fleet_target_gives_two_minutes_notice(world: World, fleet: SimulatedCluster) -> None:
    client(world, "ec2").modify_spot_fleet_request(SpotFleetRequestId="sfr-web", TargetCapacity=10)
    world.run(15)
    doomed = [i for i in fleet.ec2_instances() if i.doomed_at is not None]
    assert len(doomed) == 2

    world.run(119 - (world.clock.now - doomed[0].doomed_at))  # type: ignore[operator]
    assert all(i.alive for i in doomed)
    world.run(2)
    assert not any(i.alive for i in doomed)
    assert len(fleet.ec2_instances()) == 10


def test_no_termination_leaves_the_choice_to_the_caller(world: World, fleet: SimulatedCluster) -> None:
    client(world, "ec2").modify_spot_fleet_request(
        SpotFleetRequestId="sfr-web", TargetCapacity=10, ExcessCapacityTerminationPolicy="noTermination"
    )
    world.run(300)

    assert len(fleet.ec2_instances()) == 12


def test_a_fleet_replaces_what_was_taken_one_boot_later(world: World, fleet: SimulatedCluster) -> None:
    fleet.reclaim(3)
    world.run(120 + 10 + 90 * 1.3)

    assert len(fleet.instances()) == 12


def test_a_hook_that_nobody_answers_times_out(world: World) -> None:
    group = world.group_cluster("asg", 2)
    world.suite.notices.function = None
    leaving = group.ec2_instances()[0]
    world.account.groups.fail(leaving)

    world.run(299)
    assert leaving.alive
    world.run(2)
    assert not leaving.alive


def test_a_message_that_always_fails_ends_in_the_dead_letter_queue(world: World) -> None:
    dead = Queue("dead")
    queue = Queue("q", visibility_s=10, max_receives=3, dead_letters=dead)

    def fail(event: dict[str, object], context: object) -> dict[str, object]:
        raise RuntimeError("no")

    queue.function = Function("f", fail, timeout_s=5)
    world.account.messaging.enqueue(queue, "poison")
    world.run(60)

    assert queue.function.invocations == 3
    assert [m.body for m in dead.messages] == ["poison"]


def test_a_function_past_its_timeout_is_ended_wherever_it_is(world: World) -> None:
    reached = []

    def slow(event: dict[str, object], context: object) -> dict[str, object]:
        world.clock.sleep(100)
        reached.append("the end")
        return {}

    function = Function("slow", slow, timeout_s=5)
    world.account.messaging.invoke(function, {}, reached.append)
    world.run(200)

    assert function.timeouts == 1
    assert reached == [None]


def test_processes_sleep_side_by_side_on_one_clock() -> None:
    clock = Clock()
    start = clock.now

    def work(seconds: int) -> float:
        clock.sleep(seconds)
        return clock.now - start

    assert clock.in_parallel(work, [5, 1, 3]) == [5, 1, 3]
    assert clock.now - start == 5


def test_the_first_failure_of_calls_side_by_side_is_raised() -> None:
    clock = Clock()

    def work(number: int) -> int:
        clock.sleep(number)
        if number == 2:
            raise ValueError("two")
        return number

    with pytest.raises(ValueError, match="two"):
        clock.in_parallel(work, [1, 2, 3])
