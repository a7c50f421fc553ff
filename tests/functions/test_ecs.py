"""ECS and ELB, as moto describes them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from simulator.endpoint import Params
from simulator.errors import AwsError
from simulator.world import World
from steady.aws.capacity.providers import Providers
from steady.aws.ecs import container_instances
from steady.aws.ecs.container_instances import (
    Described,
    describe_all_instances,
    describe_instances,
    find_instances,
    set_active,
    set_draining,
)
from steady.aws.ecs.drain_marks import write_marks
from steady.aws.ecs.task_definitions import TaskDefinition, read_task_definition
from steady.aws.ecs.tasks import Stopped, stop_tasks
from steady.aws.runtime import Runtime
from steady.aws.scaling.services import read_services
from steady.aws.service_out import targets
from steady.aws.service_out.task_targets import targets_of
from steady.cluster import InstanceStatus, Size, TaskShape
from steady.drain_mark import DrainMark, DrainReason
from steady.pools import PoolKind, PoolName
from steady.service_out.doomed import Target
from steady.service_out.stops import Stop


@pytest.fixture
def instance_ids(runtime: Runtime) -> list[str]:
    """Three container instances of the cluster `web`."""
    runtime.ecs.create_cluster(clusterName="web")
    launched = runtime.ec2.run_instances(ImageId="ami-12c6146b", MinCount=3, MaxCount=3)["Instances"]
    for instance in launched:
        runtime.ecs.register_container_instance(
            cluster="web", instanceIdentityDocument=json.dumps({"instanceId": instance["InstanceId"]})
        )
    return [i["InstanceId"] for i in launched]


def define(runtime: Runtime, **fields: object) -> str:
    container = {"name": "app", "image": "app", "cpu": 256, "memory": 1024, "memoryReservation": 512, **fields}
    arn: str = runtime.ecs.register_task_definition(family="app", containerDefinitions=[container])[  # type: ignore[list-item]
        "taskDefinition"
    ]["taskDefinitionArn"]
    return arn


def test_instances_are_read_with_what_is_left_on_them(runtime: Runtime, instance_ids: list[str]) -> None:
    found = describe_all_instances(runtime, "web")

    assert {i.instance_id for i in found} == set(instance_ids)
    assert all(i.status is InstanceStatus.ACTIVE and i.reserved == Size(0, 0) for i in found)
    assert all(22 in i.used_ports for i in found)


def test_only_the_instances_asked_for_are_found_even_where_the_filter_is_ignored(
    runtime: Runtime, instance_ids: list[str]
) -> None:
    assert set(find_instances(runtime, "web", instance_ids[:1]).instances) == set(instance_ids[:1])


def test_of_two_container_instances_of_one_machine_the_connected_one_is_found(
    runtime: Runtime, instance_ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """amazon-ecs-agent #782: an agent that has lost its state registers its machine again."""
    machine = instance_ids[0]
    [known] = find_instances(runtime, "web", [machine]).instances.values()
    for stale_first in (True, False):
        both = [replace(known, arn="stale", agent_connected=False), replace(known, agent_connected=True)]
        found = tuple(both if stale_first else reversed(both))
        described = Described(found)
        monkeypatch.setattr(
            container_instances, "describe_readable_instances", lambda *_, described=described: described
        )

        assert find_instances(runtime, "web", [machine]).instances[machine].arn == known.arn


def test_a_drain_returns_the_instances_as_they_are_from_then_on(runtime: Runtime, instance_ids: list[str]) -> None:
    arns = [i.arn for i in describe_all_instances(runtime, "web")]

    drained = set_draining(runtime, "web", arns[:2])
    again = set_draining(runtime, "web", arns[:2])

    assert {i.status for i in (*drained, *again)} == {InstanceStatus.DRAINING}
    set_active(runtime, "web", arns[:1])
    assert describe_instances(runtime, "web", arns[:1])[0].status is InstanceStatus.ACTIVE


def test_a_drain_mark_is_read_with_the_instance(runtime: Runtime, instance_ids: list[str]) -> None:
    arns = [i.arn for i in describe_all_instances(runtime, "web")]
    mark = DrainMark(DrainReason.HOOK, 1_767_225_900, 1_767_225_600)

    def marked() -> dict[str, DrainMark | None]:
        return {i.arn: i.drain_mark for i in describe_instances(runtime, "web", arns)}

    write_marks(runtime, "web", dict.fromkeys(arns[:2], mark))
    assert marked() == {arns[0]: mark, arns[1]: mark, arns[2]: None}
    write_marks(runtime, "web", {arns[0]: mark.ended(1_767_225_700, 1_767_225_701)})
    assert marked()[arns[0]] == mark.ended(1_767_225_700, 1_767_225_701)


def test_a_task_definition_reserves_memory_reservation_and_its_fixed_ports(runtime: Runtime) -> None:
    arn = define(runtime, stopTimeout=90, portMappings=[{"containerPort": 80, "hostPort": 8080}])

    found = read_task_definition(runtime, arn)

    assert found == TaskDefinition(TaskShape(Size(256, 512), frozenset({8080})), 90)


def test_a_task_definition_without_a_stop_timeout_has_ecss_default(runtime: Runtime) -> None:
    assert read_task_definition(runtime, define(runtime)).stop_timeout_s == 30


def test_the_shape_of_a_service_is_read_only_where_tasks_are_missing() -> None:
    world = World(scaling=False)
    web = world.spot_cluster("web", 1)
    web.service("idle", 0)
    web.service("short", 9, cpu=256, memory=512)
    web.daemon("fluentd")

    runtime = world.suite.runtime("test")
    pool = PoolName(PoolKind.SPOT_FLEET, "sfr-web")
    providers = Providers(runtime, "web", {pool: ()})
    found = {s.name: s for s in read_services(runtime, "web", providers)[0]}

    assert set(found) == {"idle", "short"}
    assert (found["short"].missing, found["short"].shape) == (1, TaskShape(Size(256, 512)))
    assert found["idle"].shape is None


def test_tasks_are_stopped(runtime: Runtime, instance_ids: list[str]) -> None:
    task = runtime.ecs.run_task(cluster="web", taskDefinition=define(runtime), launchType="EC2")["tasks"][0]["taskArn"]

    assert stop_tasks(runtime, "web", [Stop(task, 0, 0)], "test", until=runtime.now() + 60).arns == {task}
    stopped = runtime.ecs.describe_tasks(cluster="web", tasks=[task])["tasks"][0]
    assert stopped["desiredStatus"] == "STOPPED"


def test_a_task_that_is_gone_counts_as_stopped() -> None:
    world = World(scaling=False)
    world.spot_cluster("web", 1)

    stopped = stop_tasks(world.suite.runtime("test"), "web", [Stop("gone", 0, 0)], "test", world.clock.now + 60)
    assert stopped == Stopped(frozenset({"gone"}))


def test_no_task_is_stopped_once_the_step_is_over(runtime: Runtime) -> None:
    assert stop_tasks(runtime, "web", [Stop("arn", 0, 0)], "test", until=runtime.now() - 1).arns == set()


def test_a_stop_waits_for_its_time_and_one_that_is_refused_keeps_no_other_from_its_own() -> None:
    world = World(scaling=False)
    web = world.spot_cluster("web", 1)
    tasks = [web.batch_task(web.instances()[0], run_s=3600, memory=100) for _ in range(3)]
    answer = world.account.endpoint.actions["ecs:StopTask"]

    def refuse_first(params: Params) -> dict[str, Any]:
        if params["task"] == tasks[0].arn:
            raise AwsError("ServerException", "no", status=500)
        return answer(params)

    world.account.endpoint.actions["ecs:StopTask"] = refuse_first
    now = world.clock.now
    stops = [Stop(tasks[0].arn, now, now), Stop(tasks[1].arn, now, now), Stop(tasks[2].arn, now + 5, now + 5)]
    stopped = stop_tasks(world.suite.runtime("test"), "web", stops, "test", until=now + 10)

    assert stopped == Stopped(frozenset({tasks[1].arn, tasks[2].arn}), refused=1)
    assert tasks[2].sigterm_at is not None
    assert tasks[2].sigterm_at >= now + 5


def test_targets_leave_and_doing_it_again_does_no_harm(runtime: Runtime) -> None:
    vpc = runtime.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    group = runtime.elbv2.create_target_group(Name="g", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")[
        "TargetGroups"
    ][0]["TargetGroupArn"]
    runtime.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.0.1", "Port": 8080}])
    target = Target(group, "10.0.0.1", 8080)

    before = targets.count_healthy(runtime, [group], less=[])
    assert targets.deregister(runtime, [target]) == frozenset()
    assert targets.deregister(runtime, [target]) == frozenset()

    assert before == {group: 1}
    assert targets.count_healthy(runtime, [group], less=[]) == {group: 0}


def test_a_target_group_that_is_gone_keeps_nothing_from_stopping(runtime: Runtime) -> None:
    target = Target("arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/gone/1", "i-1", 80)

    assert targets.deregister(runtime, [target]) == frozenset()
    assert targets.count_healthy(runtime, [target.group_arn], less=[]) == {}


BALANCERS = {
    "loadBalancers": [
        {"targetGroupArn": "one", "containerName": "app", "containerPort": 80},
        {"targetGroupArn": "two", "containerName": "app", "containerPort": 81},
        {"loadBalancerName": "classic", "containerName": "app", "containerPort": 80},
    ]
}


def test_a_task_has_a_target_in_every_target_group_of_its_service() -> None:
    task = {
        "containers": [
            {
                "name": "app",
                "networkBindings": [{"containerPort": 80, "hostPort": 32768}, {"containerPort": 81, "hostPort": 32769}],
            },
            {"name": "sidecar", "networkBindings": [{"containerPort": 80, "hostPort": 40000}]},
        ]
    }

    assert targets_of(task, BALANCERS, "i-1", "bridge").targets == {  # type: ignore[arg-type]
        Target("one", "i-1", 32768),
        Target("two", "i-1", 32769),
    }


def test_a_task_with_its_own_network_interface_is_a_target_by_its_address() -> None:
    task = {
        "attachments": [
            {
                "type": "ElasticNetworkInterface",
                "details": [{"name": "subnetId", "value": "s"}, {"name": "privateIPv4Address", "value": "10.0.0.9"}],
            }
        ]
    }

    assert targets_of(task, BALANCERS, "i-1", "bridge").targets == {  # type: ignore[arg-type]
        Target("one", "10.0.0.9", 80),
        Target("two", "10.0.0.9", 81),
    }
