"""The first step for a doomed instance: what it reads, and what it does where ECS does not drain."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from simulator.ecs.state import TaskStatus
from simulator.endpoint import Params
from simulator.faults import Fault, Partial, TimedOut, Try
from simulator.world import SimulatedCluster, World
from tests.simulator.reclaims import busy_fleet
from tests.simulator.stops import stops_watched


def served(world: World) -> SimulatedCluster:
    """A fleet of two instances with a service behind a load balancer."""
    fleet = world.spot_cluster("web", 2, mode="paused")
    fleet.service("api", 4, requests_per_s=2)
    world.run(60)
    world.account.endpoint.log = []
    return fleet


def before_deregistering(world: World) -> Counter[str]:
    """Count the handler's calls about container instances, by name, until the first targets were deregistered."""
    assert world.account.endpoint.log is not None
    names = [call.name for call in world.account.endpoint.log if call.caller == "interruption-handler"]
    return Counter(name for name in names[: names.index("elbv2:DeregisterTargets")] if "ContainerInstances" in name)


def test_a_doomed_instance_is_described_once_and_drained() -> None:
    world = World(seed=1, duplicates=0.0)
    served(world).reclaim(1)
    world.run(10)

    assert before_deregistering(world) == {
        "ecs:ListContainerInstances": 1,
        "ecs:DescribeContainerInstances": 1,
        "ecs:UpdateContainerInstancesState": 1,
    }


def test_an_instance_that_was_draining_already_is_read_again_instead() -> None:
    world = World(seed=1, duplicates=0.0)
    fleet = served(world)
    [first, _] = fleet.instances()
    world.account.scheduler.drain(first)
    world.account.spot.reclaim([i for i in fleet.ec2_instances() if i.id == first.ec2_id])
    world.run(10)

    assert before_deregistering(world)["ecs:DescribeContainerInstances"] >= 2
    assert before_deregistering(world)["ecs:UpdateContainerInstancesState"] == 0


def test_an_instance_that_ecs_does_not_drain_at_first_is_drained_by_a_later_step() -> None:
    world = World(seed=2, duplicates=0.0)
    fleet = served(world)
    drain = world.account.endpoint.actions["ecs:UpdateContainerInstancesState"]
    refusals = [0]

    def refuse_once(params: Params) -> dict[str, Any]:
        refusals[0] += 1
        if refusals[0] > 1:
            return drain(params)
        assert (params["cluster"], params["status"]) == ("web", "DRAINING")
        failures = [{"arn": arn, "reason": "MISSING"} for arn in params["containerInstances"]]
        return {"containerInstances": [], "failures": failures}

    world.account.endpoint.actions["ecs:UpdateContainerInstancesState"] = refuse_once
    [doomed] = fleet.reclaim(1)
    world.run(118)

    assert refusals[0] > 1
    here = [t for t in fleet.tasks() if t.instance.ec2_id == doomed.id]
    assert [t for t in here if t.status is not TaskStatus.STOPPED] == []
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


@pytest.mark.parametrize("answers", [1, 3])
def test_tasks_that_ecs_counts_and_does_not_describe_are_looked_for_again(answers: int) -> None:
    world = World(seed=16, duplicates=0.0)
    fleet = world.spot_cluster("web", 12, "m5.xlarge", mode="paused")
    fleet.service("api", 24, requests_per_s=1)
    for instance in fleet.instances()[:3]:
        fleet.batch_task(instance, run_s=3600)
    world.run(60)
    world.account.endpoint.fault = Partial("ecs:DescribeTasks", answers)

    with stops_watched(world) as stops:
        fleet.reclaim()
        world.run(130)

    assert [task.arn for task, took_requests in stops if took_requests] == []
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)


def test_a_task_definition_that_ecs_does_not_answer_for_delays_no_other_task() -> None:
    world = World(seed=17, duplicates=0.0)
    fleet = busy_fleet(world)
    silent = fleet.state.services["worker"].definition.arn

    class SilentFor(Fault):
        def before(self, tried: Try) -> None:
            if tried.name == "ecs:DescribeTaskDefinition" and tried.params["taskDefinition"] == silent:
                raise TimedOut(connected=True)

    world.account.endpoint.fault = SilentFor()
    targets = [t for task in fleet.tasks() for t in task.targets]
    fleet.reclaim()
    world.run(45)

    assert targets
    assert all(t.deregistered_at for t in targets)
    world.run(85)
    assert (world.account.killed_tasks, world.account.balancing.failed_requests) == (0, 0)
