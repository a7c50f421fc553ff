"""A call that names many things and is refused for one of them: that one's harm is not the others'.

Service Authorization Reference, "Amazon ECS": the calls that take lists check each task, service or container instance,
and a deny of one (by its tags, for example) refuses the whole call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest

from simulator.chaos.as_they_are.refusals import things_of
from simulator.ecs.state import ContainerInstance, Task
from simulator.errors import AwsError
from simulator.faults import Fault, Try
from simulator.world import SimulatedCluster, World

DENIED = AwsError("AccessDeniedException", "not authorized", 403)
BROKEN = AwsError("ServerException", "Service Unavailable. Please try again later.", 500)
# Each call with the one thing for which it is refused, of the first instance or of its service.
ABOUT_AN_INSTANCE = (
    "ecs:UpdateContainerInstancesState",
    "ecs:DescribeContainerInstances",
    "ecs:ListTasks",
    "ecs:DescribeTasks",
)


class RefusedAbout(Fault):
    """A call is refused whenever it is about one of `things`."""

    def __init__(self, name: str, things: Collection[str], error: AwsError) -> None:
        self.name, self.things, self.error, self.hits = name, frozenset(things), error, 0

    def before(self, tried: Try) -> None:
        if tried.name == self.name and not self.things.isdisjoint(things_of(tried.name, tried.params)):
            self.hits += 1
            raise self.error


def fleet_of(world: World, instances: int) -> SimulatedCluster:
    fleet = world.spot_cluster("web", instances, mode="paused")
    fleet.daemon("fluentd")
    for number in range(12):
        fleet.service(f"api-{number:02}", 2, cpu=64, memory=64, requests_per_s=2)
    for instance in fleet.instances():
        fleet.batch_task(instance, run_s=3600)
    world.run(60)
    return fleet


def killed_in(world: World, run: Callable[[], object]) -> list[Task]:
    killed: list[Task] = []
    observer, count = world.account.scheduler.observer, world.account.scheduler.observer.killed

    def record(task: Task) -> None:
        killed.append(task)
        count(task)

    observer.killed = record  # type: ignore[method-assign]
    run()
    return killed


def of(instance: ContainerInstance, name: str) -> set[str]:
    """Return what `name` names of `instance`."""
    return {t.arn for t in instance.tasks.values()} if name == "ecs:DescribeTasks" else {instance.arn}


@pytest.mark.parametrize("error", [DENIED, BROKEN], ids=["denied", "fails"])
@pytest.mark.parametrize("instances", [4, 12])
@pytest.mark.parametrize("name", ABOUT_AN_INSTANCE)
def test_a_call_that_is_refused_for_one_instance_empties_the_others(name: str, instances: int, error: AwsError) -> None:
    world = World(seed=3)
    fleet = fleet_of(world, instances)
    odd = fleet.instances()[0]
    world.account.endpoint.fault = fault = RefusedAbout(name, of(odd, name), error)

    def reclaim() -> None:
        fleet.reclaim(instances // 2)
        world.run(200)

    killed = killed_in(world, reclaim)

    are_listed_together = (name, instances) == ("ecs:ListTasks", 12)
    assert fault.hits or are_listed_together
    assert {t.instance.ec2_id for t in killed} <= {odd.ec2_id}
    assert set(+world.account.balancing.failed_by_target) <= {odd.ec2_id}
    assert world.suite.telemetry.counts.get("DrainStepFailures") or are_listed_together, "people hear of it"


@pytest.mark.parametrize("error", [DENIED, BROKEN], ids=["denied", "fails"])
@pytest.mark.parametrize("name", ["ecs:DescribeClusters", "ecs:ListTasks"])
def test_a_cluster_whose_tasks_cannot_be_counted_or_listed_together_is_read_by_instance(
    name: str, error: AwsError
) -> None:
    world = World(seed=3)
    fleet = fleet_of(world, 12)
    world.account.endpoint.fault = fault = RefusedAbout(name, {"web"}, error)

    fleet.reclaim(6)
    world.run(200)

    assert fault.hits
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


@pytest.mark.parametrize("error", [DENIED, BROKEN], ids=["denied", "fails"])
def test_a_service_that_cannot_be_described_hides_no_other(error: AwsError) -> None:
    world = World(seed=3)
    fleet = fleet_of(world, 12)
    world.account.endpoint.fault = fault = RefusedAbout("ecs:DescribeServices", {"api-03"}, error)
    of_others = [t for t in fleet.tasks() if t.service_name not in ("api-03", "") and t.targets]

    fleet.reclaim(6)
    world.run(200)

    assert fault.hits
    assert world.account.killed_tasks == 0
    assert sum(target.failed for task in of_others for target in task.targets) == 0


def test_a_task_whose_protection_cannot_be_read_leaves_the_others_theirs() -> None:
    world = World(seed=3)
    fleet = fleet_of(world, 4)
    workers = fleet.service("worker", 8, cpu=64, memory=64)
    world.run(60)
    odd, *others = workers.tasks.values()
    for task in others:
        task.protected = True
    world.account.endpoint.fault = fault = RefusedAbout("ecs:GetTaskProtection", {odd.arn}, DENIED)
    begun = world.clock.now

    fleet.reclaim(4)
    world.run(200)

    assert fault.hits
    assert min(task.sigterm_at - begun for task in others if task.sigterm_at) > 80
    assert world.account.killed_tasks == 0


@pytest.mark.parametrize("name", ABOUT_AN_INSTANCE)
def test_a_hook_is_not_completed_while_it_is_not_known_whether_its_instance_is_empty(name: str) -> None:
    world = World(seed=4)
    group = world.group_cluster("web", 4, mode="paused")
    group.service("api", 4, requests_per_s=2)
    for instance in group.instances():
        group.batch_task(instance, run_s=1000)
    world.run(60)
    odd, other = group.ec2_instances()[:2]
    assert odd.container_instance
    world.account.endpoint.fault = RefusedAbout(name, of(odd.container_instance, name), DENIED)

    for machine in (odd, other):
        world.account.groups.fail(machine)
    world.run(1200)

    assert not other.alive, "it is empty"
    assert world.account.killed_tasks == 0
    assert world.account.balancing.failed_requests == 0
