"""What calls do in each state of a thing, as AWS documents it: instances, groups, fleets, messages and hooks."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.auto_scaling_group import AutoScalingGroup
from simulator.ecs.state import ContainerInstance
from simulator.errors import AwsError
from simulator.fleet_request import SpotFleet
from simulator.lambdas import Function
from simulator.queues import Queue
from simulator.world import SimulatedCluster, World

NOT_ACTIVE = ("REGISTERING", "REGISTRATION_FAILED", "DEREGISTERING")


@pytest.fixture
def world() -> World:
    return World(seed=1, duplicates=0.0, scaling=False)


def asked(world: World, name: str, **params: Any) -> dict[str, Any]:
    return world.account.endpoint.answer("test", name, params)


def set_state(world: World, web: SimulatedCluster, status: str, *instances: ContainerInstance) -> dict[str, Any]:
    arns = [instance.arn for instance in instances]
    return asked(world, "ecs:UpdateContainerInstancesState", cluster=web.name, containerInstances=arns, status=status)


@pytest.mark.parametrize("status", NOT_ACTIVE)
def test_an_instance_that_has_not_become_active_cannot_be_drained(world: World, status: str) -> None:
    web = world.group_cluster("web", 2)
    early, other = web.instances()
    early.status = status

    with pytest.raises(AwsError, match="InvalidParameterException"):
        set_state(world, web, "DRAINING", early, other)

    assert (early.status, other.status) == (status, "ACTIVE")


@pytest.mark.parametrize("status", NOT_ACTIVE)
def test_an_instance_that_has_not_become_active_keeps_no_other_from_being_drained(status: str) -> None:
    world = World(seed=1)
    batch = world.spot_cluster("batch", 4)
    batch.service("api", tasks=3, cpu=256, memory=256, requests_per_s=1)
    world.run(120)
    early, *others = batch.instances()
    early.status = status

    batch.reclaim()
    world.run(30)

    assert {instance.status for instance in others} == {"DRAINING"}


def test_a_daemon_starts_again_on_an_instance_that_is_taken_back(world: World) -> None:
    web = world.group_cluster("web", 1)
    web.daemon("logs")
    world.run(60)
    [instance] = web.instances()
    set_state(world, web, "DRAINING", instance)
    world.run(120)
    assert web.running() == []

    set_state(world, web, "ACTIVE", instance)
    world.run(60)

    assert [task.group for task in web.running()] == ["service:logs"]


@pytest.mark.parametrize(
    ("process", "desired", "holds"), [("Launch", 4, 2), ("Terminate", 1, 2), ("AZRebalance", 4, 4)]
)
def test_a_group_does_not_do_what_is_suspended(world: World, process: str, desired: int, holds: int) -> None:
    group = world.group_cluster("web", 2).pool
    assert isinstance(group, AutoScalingGroup)
    group.suspended.add(process)

    asked(world, "autoscaling:SetDesiredCapacity", AutoScalingGroupName="web", DesiredCapacity=desired)
    world.run(600)

    assert len(group.members) == holds


@pytest.mark.parametrize("state", ["submitted", "failed", "cancelled", "cancelled_running", "cancelled_terminating"])
def test_a_fleet_that_is_not_active_is_described_and_refuses_changes(world: World, state: str) -> None:
    fleet = world.spot_cluster("batch", 2).pool
    assert isinstance(fleet, SpotFleet)
    fleet.state = state

    described = asked(world, "ec2:DescribeSpotFleetRequests", SpotFleetRequestIds=[fleet.id])
    with pytest.raises(AwsError, match="FleetNotInModifiableState"):
        asked(world, "ec2:ModifySpotFleetRequest", SpotFleetRequestId=fleet.id, TargetCapacity=3)

    assert described["SpotFleetRequestConfigs"][0]["SpotFleetRequestState"] == state


def test_a_result_of_a_hook_that_there_is_not_completes_nothing(world: World) -> None:
    group = world.group_cluster("web", 2).pool
    assert isinstance(group, AutoScalingGroup)
    leaves = next(iter(group.members))
    asked(
        world,
        "autoscaling:TerminateInstanceInAutoScalingGroup",
        InstanceId=leaves,
        ShouldDecrementDesiredCapacity=True,
    )
    hook = {"AutoScalingGroupName": "web", "LifecycleHookName": "drain", "InstanceId": leaves}

    with pytest.raises(AwsError, match="ValidationError"):
        asked(world, "autoscaling:CompleteLifecycleAction", LifecycleActionResult="BAD", **hook)
    assert leaves in group.waiting

    asked(world, "autoscaling:CompleteLifecycleAction", LifecycleActionResult="CONTINUE", **hook)
    with pytest.raises(AwsError, match="No active Lifecycle Action"):
        asked(world, "autoscaling:CompleteLifecycleAction", LifecycleActionResult="CONTINUE", **hook)


@pytest.mark.parametrize("identifier", ["", None])
def test_an_answer_without_a_name_fails_the_whole_batch(world: World, identifier: str | None) -> None:
    queue = Queue("q", visibility_s=900)
    queue.function = Function("f", lambda *_: {"batchItemFailures": [{"itemIdentifier": identifier}]}, 900)
    for body in "ab":
        world.account.messaging.enqueue(queue, body)

    world.run(10)

    assert sorted(message.body for message in queue.messages) == ["a", "b"]
