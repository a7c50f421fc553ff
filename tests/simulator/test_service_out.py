"""Service-out, end to end on the simulated account: the promises that people rely on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.clock import Crashed
from simulator.ecs.state import Task, TaskStatus
from simulator.endpoint import Call
from simulator.errors import AwsError
from simulator.faults import NO_FAULT, Hooked, Unforeseen
from simulator.world import World
from steady.metrics import MetricName
from tests.simulator.reclaims import busy_fleet
from tests.simulator.stops import stops_watched


def calls(world: World, name: str) -> list[Call]:
    assert world.account.endpoint.log is not None, "the log was not kept"
    return [c for c in world.account.endpoint.log if c.name == name and not c.error]


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10**6),
    instances=st.integers(1, 6),
    services=st.lists(
        st.tuples(st.integers(1, 8), st.sampled_from([0.0, 1.0, 5.0]), st.sampled_from([0, 50, 100]), st.booleans()),
        max_size=3,
    ),
    batch=st.lists(st.floats(1, 300), max_size=4),
    taken=st.integers(1, 6),
    duplicates=st.sampled_from([0.0, 0.5]),
)
def test_no_task_is_stopped_while_its_target_still_takes_requests(
    seed: int,
    instances: int,
    services: list[tuple[int, float, int, bool]],
    batch: list[float],
    taken: int,
    duplicates: float,
) -> None:
    world = World(seed, duplicates=duplicates)
    fleet = world.spot_cluster("web", instances, mode="paused")
    for number, (tasks, rate, healthy, awsvpc) in enumerate(services):
        fleet.service(f"s{number}", tasks, requests_per_s=rate, minimum_healthy_percent=healthy, awsvpc=awsvpc)
    for number, run_s in enumerate(batch):
        fleet.batch_task(fleet.instances()[number % instances], run_s)
    world.run(60)

    with stops_watched(world) as stops:
        doomed = {i.id for i in fleet.reclaim(taken)}
        world.run(119)
        left = [t for t in fleet.tasks() if t.instance.ec2_id in doomed and t.status is not TaskStatus.STOPPED]
        world.run(60)

    assert [task.arn for task, took_requests in stops if took_requests] == []
    assert left == [], "every task of a reclaimed instance is stopped before the instance is terminated"
    assert world.account.killed_tasks == 0
    assert world.account.balancing.failed_requests == 0
    assert world.suite.telemetry.errors() == []


def test_every_target_of_a_service_that_has_others_is_deregistered_within_ten_seconds_of_the_notice() -> None:
    world = World(seed=2)
    fleet = busy_fleet(world, instances=10)
    doomed = {i.id for i in fleet.reclaim(6)}
    targets = [t for task in fleet.tasks() if task.instance.ec2_id in doomed for t in task.targets]

    world.run(10)

    assert targets
    assert all(t.deregistered_at is not None for t in targets)


def test_a_batch_task_that_ends_by_itself_in_time_is_never_stopped() -> None:
    world = World(seed=3)
    fleet = world.spot_cluster("batch", 1, mode="paused")
    short = fleet.batch_task(fleet.instances()[0], run_s=60)
    long = fleet.batch_task(fleet.instances()[0], run_s=600)
    world.run(10)

    with stops_watched(world) as stops:
        fleet.reclaim()
        world.run(150)

    assert [task for task, _ in stops] == [long]
    assert short.sigterm_at is None


def test_the_log_shipper_outlives_the_tasks_whose_logs_it_ships() -> None:
    world = World(seed=4)
    fleet = busy_fleet(world, instances=1)
    ended: list[str] = []
    world.account.scheduler.observer.stopped = lambda task: ended.append(task.definition.family)

    fleet.reclaim()
    world.run(118)

    assert ended[-1] == "fluentd"
    assert set(ended) == {"api", "worker", "batch", "fluentd"}


def test_a_task_that_is_placed_just_before_the_drain_is_served_out_too() -> None:
    world = World(seed=11)
    fleet = world.spot_cluster("web", 2, mode="paused")
    placed: list[Task] = []

    def place(at: str, name: str) -> None:
        if (at, name) == ("before", "ecs:UpdateContainerInstancesState") and not placed:
            doomed = next(i for i in fleet.instances() if i.ec2_id == taken.id)
            placed.append(fleet.batch_task(doomed, run_s=None))

    world.account.endpoint.fault = Hooked(place)
    (taken,) = fleet.reclaim(1)
    world.run(150)

    assert [(t.killed, t.status) for t in placed] == [(False, TaskStatus.STOPPED)]


def test_a_lifecycle_hook_is_completed_once_the_instance_is_empty_and_no_sooner() -> None:
    world = World(seed=6)
    group = world.group_cluster("web", 3, mode="paused")
    group.service("api", 6, requests_per_s=2)
    group.batch_task(group.instances()[0], run_s=900)
    world.run(60)
    leaving = group.ec2_instances()[0]

    world.account.endpoint.log = []
    world.account.groups.fail(leaving)
    world.run(830)
    assert leaving.alive, "its batch task still runs: the hook waits, with heartbeats"
    assert calls(world, "autoscaling:RecordLifecycleActionHeartbeat")

    world.run(170)
    assert not leaving.alive
    assert len(calls(world, "autoscaling:CompleteLifecycleAction")) == 1
    assert world.account.killed_tasks == 0
    assert world.account.balancing.failed_requests == 0


def test_a_protected_task_runs_until_its_stop_timeout_just_fits() -> None:
    world = World(seed=15)
    fleet = world.spot_cluster("web", 2, mode="paused")
    fleet.service("api", 4, requests_per_s=2)
    world.run(60)
    doomed = fleet.ec2_instances()[0]
    kept, other = (task for task in fleet.tasks("service:api") if task.instance.ec2_id == doomed.id)
    kept.protected = True

    world.account.spot.reclaim([doomed])
    world.run(70)
    assert (kept.status, other.status) == (TaskStatus.RUNNING, TaskStatus.STOPPED)
    assert all(t.deregistered_at is not None for t in kept.targets), "it works on, but takes no new requests"

    world.run(45)
    assert kept.status is TaskStatus.STOPPED
    assert not kept.killed


def test_service_out_goes_on_where_ecs_does_not_say_what_is_protected() -> None:
    world = World(seed=17)
    fleet = busy_fleet(world, instances=2)

    def refuse(params: object) -> dict[str, Any]:
        raise AwsError("ServerException", "no", status=500)

    world.account.endpoint.actions["ecs:GetTaskProtection"] = refuse
    fleet.reclaim()
    world.run(118)

    assert fleet.tasks() == []
    assert world.account.balancing.failed_requests == 0


def test_a_service_in_several_target_groups_and_one_that_shares_a_group_leave_only_with_their_own_targets() -> None:
    world = World(seed=16)
    fleet = world.spot_cluster("web", 2, mode="paused")
    api = fleet.service("api", 4, requests_per_s=2, target_groups=3)
    shared = fleet.service("shared", 4)
    shared.target_groups = api.target_groups[:1]
    shared.definition = fleet.define("shared", 256, 512, container_port=9000)
    for task in fleet.tasks("service:shared"):
        world.account.scheduler.stop(task)
    world.run(60)
    spared = fleet.instances()[1]

    doomed = fleet.reclaim(1)[0]
    world.run(30)

    for task in fleet.tasks():
        if task.instance is spared and task.created_at < doomed.doomed_at:  # type: ignore[operator]
            assert all(t.deregistered_at is None for t in task.targets)
    assert world.account.balancing.failed_requests == 0


@pytest.mark.parametrize("kind", [Crashed, Unforeseen], ids=["crash", "unforeseen error"])
def test_a_crash_at_a_call_of_a_reclaim_is_taken_up_again(kind: type[Crashed | Unforeseen]) -> None:
    def reclaimed(crash_at: int | None) -> tuple[World, int]:
        """A reclaim of 8 instances that crashes once: before (even) or after (odd) its so many-th call."""
        world = World(seed=10, duplicates=0.0, scaling=False)
        fleet = world.spot_cluster("web", 8, "m5.xlarge", mode="paused")
        fleet.service("api", 16, requests_per_s=1)
        for instance in fleet.instances()[:2]:
            fleet.batch_task(instance, run_s=3600)
        world.run(60)
        counted = [0]

        def crash(at: str, name: str) -> None:
            counted[0] += 1
            if counted[0] - 1 == crash_at:
                raise kind(f"crashed {at} {name}")

        world.account.endpoint.fault = Hooked(crash)
        fleet.reclaim()
        world.run(119)
        world.account.endpoint.fault = NO_FAULT
        world.run(10)
        return world, counted[0]

    _, calls_made = reclaimed(None)
    assert calls_made > 100

    # `make chaos` has every call of a larger one.
    for crash_at in range(kind is Crashed, calls_made, 6):
        world, _ = reclaimed(crash_at)
        failures = [f for function in world.suite.functions() for f in function.failures]
        assert len(failures) <= 1
        assert world.account.killed_tasks == 0, f"after {failures}"
        assert world.account.balancing.failed_requests == 0, f"after {failures}"


@pytest.mark.parametrize("call", ["elbv2:DescribeTargetHealth", "elbv2:DeregisterTargets"])
def test_a_target_group_that_elb_refuses_concerns_no_other_target_group(call: str) -> None:
    world = World(seed=18)
    fleet = world.spot_cluster("web", 4, mode="paused")
    refused, api = fleet.service("refused", 4, requests_per_s=2), fleet.service("api", 8, requests_per_s=2)
    fleet.service("worker", 4)
    world.run(60)
    answer = world.account.endpoint.actions[call]

    def refuse(params: dict[str, Any]) -> dict[str, Any]:
        if params["TargetGroupArn"] in refused.target_groups:
            raise AwsError("AccessDenied", "no")
        return answer(params)

    world.account.endpoint.actions[call] = refuse
    doomed = {i.id for i in fleet.reclaim(2)}
    on_doomed = [task for task in fleet.tasks() if task.instance.ec2_id in doomed]
    targets = [t for task in on_doomed if task.service_name == api.name for t in task.targets]
    world.run(10)
    assert targets
    assert all(t.deregistered_at is not None for t in targets)

    world.run(110)
    assert {task.status for task in on_doomed} == {TaskStatus.STOPPED}
    assert world.account.killed_tasks == 0
    heard = world.suite.telemetry.counts.get(MetricName.DRAIN_STEP_FAILURES, 0)
    assert bool(heard) is (call == "elbv2:DeregisterTargets")


@pytest.mark.parametrize("network", ["host", "awsvpc", "bridge"])
def test_no_task_is_stopped_while_it_takes_requests_whatever_its_network_mode(network: str) -> None:
    world = World(seed=19)
    fleet = world.spot_cluster("web", 4, mode="paused")
    fleet.service("api", 4, requests_per_s=5, awsvpc=network == "awsvpc", host_network=network == "host")
    world.run(60)

    with stops_watched(world) as stops:
        fleet.reclaim()
        world.run(119)

    assert stops
    assert [task.arn for task, took_requests in stops if took_requests] == []
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)
