"""While a large reclaim is drained and read, tasks without requests are stopped, and no other; and none is missed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.ecs.state import Task
from simulator.endpoint import Params
from simulator.errors import AwsError
from simulator.target_groups import TargetGroup
from simulator.timing import Timing
from simulator.world import SimulatedCluster, World
from steady.aws.service_out import crowd
from steady.cluster import ContainerInstance, InstanceStatus, Size
from steady.drain_mark import DrainMark, DrainReason
from steady.pools import PoolKind
from steady.service_out.doomed import Doomed, LifecycleHook
from tests.simulator.stops import stops_watched

INSTANCES = 16


@pytest.fixture
def _crowded(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few instances are many, and too many for the rate of StopTask."""
    monkeypatch.setattr(crowd, "MANY", 12)
    monkeypatch.setattr(crowd, "come_late_by_number", lambda *_: True)


def full_fleet(seed: int = 60, *, ingress: TargetGroup | None = None) -> SimulatedCluster:
    """A fleet whose instances each run a task with requests, one without, a batch task and a daemon.

    To read it takes some seconds, as if it were large.
    """
    timing = Timing.as_aws(pollers=1, latency_s=0.3, exits=5.0, ignores_sigterm=0.0)
    world = World(seed, duplicates=0.0, scaling=False, timing=timing)
    fleet = world.cluster(PoolKind.SPOT_FLEET, "web", INSTANCES, "m5.large", mode="paused", ingress=ingress)
    fleet.daemon("logs")
    fleet.service("api", INSTANCES, cpu=900, memory=512, requests_per_s=5)
    fleet.service("worker", INSTANCES, cpu=900, memory=512)
    for instance in fleet.instances():
        fleet.batch_task(instance, None, cpu=128)
    world.run(90)
    world.account.endpoint.log = []
    describe = world.account.endpoint.actions["ecs:DescribeTaskDefinition"]

    def describe_late(params: Params) -> dict[str, object]:
        world.clock.sleep(4.0)
        return describe(params)

    world.account.endpoint.actions["ecs:DescribeTaskDefinition"] = describe_late
    return fleet


def stopped_early(fleet: SimulatedCluster) -> set[str]:
    """Reclaim the fleet; return the services ("": batch) of the tasks that were stopped before any target left."""
    log = fleet.world.account.endpoint.log
    assert log is not None
    names = {task.arn: task.service_name for task in fleet.tasks()}
    fleet.reclaim()
    fleet.world.run(140)
    before = log[: next(n for n, call in enumerate(log) if call.name == "elbv2:DeregisterTargets")]
    return {names[call.params["task"]] for call in before if call.name == "ecs:StopTask"}


def lost(fleet: SimulatedCluster) -> tuple[int, int]:
    return fleet.world.account.killed_tasks, fleet.world.account.balancing.failed_requests


@pytest.mark.usefixtures("_crowded")
def test_batch_tasks_and_tasks_without_requests_are_stopped_while_the_others_are_read() -> None:
    fleet = full_fleet()

    assert stopped_early(fleet) == {"", "worker"}
    assert lost(fleet) == (0, 0)


def test_no_batch_task_is_stopped_early_if_all_can_be_stopped_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "MANY", 12)
    fleet = full_fleet()

    assert stopped_early(fleet) == {"worker"}
    assert lost(fleet) == (0, 0)


@pytest.mark.usefixtures("_crowded")
def test_each_task_is_listed_once_but_for_those_of_a_later_look() -> None:
    fleet = full_fleet()
    stopped_early(fleet)

    calls = fleet.world.account.endpoint.total().calls
    assert calls["ecs:ListTasks"] < INSTANCES
    assert calls["ecs:StopTask"] <= 4 * INSTANCES + 2


@pytest.mark.usefixtures("_crowded")
def test_a_protected_task_is_not_stopped_early() -> None:
    fleet = full_fleet()
    for task in fleet.tasks():
        task.protected = task.service_name == "worker"

    assert stopped_early(fleet) == {""}
    assert lost(fleet) == (0, 0)


@pytest.mark.usefixtures("_crowded")
def test_nothing_is_stopped_early_where_the_pool_registers_its_instances() -> None:
    fleet = full_fleet(ingress=TargetGroup("ingress", port=80, requests_per_s=1))

    assert stopped_early(fleet) == set()


@pytest.mark.usefixtures("_crowded")
@pytest.mark.parametrize("name", ["ecs:ListTasks", "ecs:DescribeTasks", "ecs:DescribeServices", "ecs:DescribeClusters"])
def test_what_ecs_refuses_at_first_is_read_again(name: str) -> None:
    fleet = full_fleet()
    answer, refused = fleet.world.account.endpoint.actions[name], list[Params]()

    def refuse_twice(params: Params) -> dict[str, object]:
        if len(refused) < 2:
            refused.append(params)
            raise AwsError("AccessDeniedException", "not yet")
        return answer(params)

    fleet.world.account.endpoint.actions[name] = refuse_twice
    stopped_early(fleet)

    assert refused
    assert lost(fleet) == (0, 0)


@pytest.mark.usefixtures("_crowded")
def test_an_unforeseen_error_is_said_and_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "get_no_requests", lambda task, service: 1 // 0)
    fleet = full_fleet()
    stopped_early(fleet)

    lines = [line.message for line in fleet.world.suite.telemetry.log_lines if "ZeroDivisionError" in line.message]
    assert lines
    assert all("are stopped only once all are read" in line for line in lines)
    assert lost(fleet) == (0, 0)


@pytest.mark.usefixtures("_crowded")
def test_a_task_that_comes_between_the_list_and_the_drain_of_its_instance_is_found() -> None:
    fleet = full_fleet()
    scheduler, api = fleet.world.account.scheduler, fleet.state.services["api"]
    drain, list_tasks = scheduler.drain, fleet.world.account.endpoint.actions["ecs:ListTasks"]
    placed, listed = list[Task](), list[Params]()

    def note(params: Params) -> dict[str, object]:
        listed.append(params)
        return list_tasks(params)

    def place_before(instance: object) -> None:
        if len(listed) >= 3 and not placed:
            placed.append(scheduler.start(instance, api.definition, "service:api"))  # type: ignore[arg-type]
        drain(instance)  # type: ignore[arg-type]

    fleet.world.account.endpoint.actions["ecs:ListTasks"] = note
    scheduler.drain = place_before  # type: ignore[method-assign, assignment]
    # Notices come in two parts: the first part's tasks are listed before the second is drained.
    fleet.reclaim(INSTANCES - 2)
    fleet.world.run(3.2)
    with stops_watched(fleet.world) as stops:
        fleet.reclaim()
        fleet.world.run(140)

    assert [task for task, took_requests in stops if took_requests] == []
    assert lost(fleet) == (0, 0)


def test_only_instances_that_go_soon_and_are_drained_are_of_the_crowd() -> None:
    def instance(number: int, status: InstanceStatus = InstanceStatus.DRAINING) -> ContainerInstance:
        return ContainerInstance(f"arn-{number}", f"i-{number}", status, Size(1, 1), Size(1, 1), task_count=3)

    spot = [Doomed(f"i-{n}", "web", 120.0, f"arn-{n}") for n in range(5)]
    doomed = [
        spot[0],
        replace(spot[1], hooks=(LifecycleHook("web", "drain"),)),
        replace(spot[2], gone=True),
        replace(spot[3], mark=DrainMark(DrainReason.STOP, 1, 1)),
    ]
    one = crowd.Crowd()
    one.add(doomed, [*map(instance, range(3)), instance(4, InstanceStatus.ACTIVE)], now=5.0)

    assert one.size() == (1, 3)
    one.expect(4)
    assert one.size() == (4, 12)
