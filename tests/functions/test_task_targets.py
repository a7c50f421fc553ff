"""The targets of a task, from ECS' and ELB's descriptions; and how target groups and service revisions are read."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.errors import AwsError
from simulator.target_groups import TargetGroup as SimulatedGroup
from simulator.world import World
from steady.aws.capacity.auto_scaling_group import to_routes as group_routes
from steady.aws.capacity.kind import Routes
from steady.aws.capacity.spot_fleet import to_routes as fleet_routes
from steady.aws.ecs.services import read_revisions
from steady.aws.service_out.target_groups import TargetGroup, read_target_groups
from steady.aws.service_out.task_targets import Routing, TaskTargets, targets_of
from steady.service_out.drain import Target

ELB = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup"
BOUND = {"name": "app", "networkBindings": [{"containerPort": 80, "hostPort": 32768}]}
TASK: dict[str, Any] = {"lastStatus": "RUNNING", "startedBy": "ecs-svc/1", "containers": [BOUND]}
OLD_TASK = {**TASK, "startedBy": "ecs-svc/0"}
DEPLOYED = {"deployments": [{"id": "ecs-svc/1", "status": "PRIMARY"}]}
DEPLOYING = {
    "deployments": [*DEPLOYED["deployments"], {"id": "ecs-svc/0", "status": "ACTIVE"}],
    "currentServiceRevisions": [{"arn": "new"}, {"arn": "old"}],
}


def balanced(group: str, port: int = 80, **more: Any) -> dict[str, Any]:
    return {"targetGroupArn": group, "containerName": "app", "containerPort": port, **more}


GROUPS = dict.fromkeys(["blue", "green", "new-group", "old-group", "group"], TargetGroup())
OF_APPLICATIONS = Routing(groups=GROUPS)


def found(service: dict[str, Any], task: dict[str, Any] = TASK, routing: Routing = OF_APPLICATIONS) -> TaskTargets:
    return targets_of(task, {**DEPLOYED, **service}, "i-1", "bridge", routing)  # type: ignore[arg-type]


def at(*groups: str) -> frozenset[Target]:
    return frozenset(Target(group, "i-1", 32768) for group in groups)


def test_a_task_of_a_blue_green_service_is_a_target_in_either_target_group() -> None:
    blue_green = balanced("blue", advancedConfiguration={"alternateTargetGroupArn": "green"})

    assert found({"loadBalancers": [blue_green]}) == (at("blue", "green"), True, False)


def test_a_task_of_a_task_set_is_a_target_in_the_groups_of_all_task_sets() -> None:
    sets = [{"id": "ecs-svc/1", "loadBalancers": [balanced("green")]}, {"loadBalancers": [balanced("blue")]}]

    assert found({"deployments": [], "taskSets": sets}) == (at("blue", "green"), True, False)


def test_a_task_of_an_earlier_deployment_is_known_only_with_every_service_revision() -> None:
    service = {**DEPLOYING, "loadBalancers": [balanced("new-group")]}
    new, old = {"loadBalancers": [balanced("new-group")]}, {"loadBalancers": [balanced("old-group")]}

    assert found(service, OLD_TASK, Routing({"new": new, "old": old}, GROUPS)) == (
        at("new-group", "old-group"),
        True,
        False,
    )
    assert not found(service, OLD_TASK, Routing({"new": new}, GROUPS)).are_all_known
    assert found(service, TASK).are_all_known, "the service itself describes its newest deployment"


def test_a_task_of_a_deployment_that_is_not_listed_is_not_known() -> None:
    service = {"loadBalancers": [balanced("group")]}

    assert not found(service, {**TASK, "startedBy": "ecs-svc/2"}).are_all_known
    assert not found({}, {**TASK, "startedBy": "ecs-svc/2"}).are_all_known, "it may have got a load balancer meanwhile"


@pytest.mark.parametrize("status", ["PROVISIONING", "PENDING", "ACTIVATING"])
def test_the_targets_of_a_task_that_starts_are_not_known_yet(status: str) -> None:
    assert not found({"loadBalancers": [balanced("group")]}, {**TASK, "lastStatus": status}).are_all_known
    assert found({}, {**TASK, "lastStatus": status}).are_all_known, "without a load balancer it gets no requests"


@pytest.mark.parametrize(
    "way",
    [
        {"loadBalancers": [{"loadBalancerName": "classic", "containerName": "app", "containerPort": 80}]},
        {"serviceRegistries": [{"registryArn": "arn"}]},
        {"deployments": [{"id": "ecs-svc/1", "vpcLatticeConfigurations": [{"targetGroupArn": "arn"}]}]},
        {"deployments": [{"id": "ecs-svc/1", "serviceConnectConfiguration": {"enabled": True, "services": [{}]}}]},
        {"taskSets": [{"id": "ecs-svc/1", "serviceRegistries": [{"registryArn": "arn"}]}]},
    ],
)
def test_a_task_that_gets_requests_in_another_way_is_not_known(way: dict[str, Any]) -> None:
    assert found(way) == (frozenset(), False, False)


REGISTRY = "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-e4anhexample0004"


@pytest.mark.parametrize("part", [{}, {"taskSets": [{"id": "ecs-svc/1"}]}])
def test_a_task_in_cloud_map_is_registered_under_its_id_and_lingers(part: dict[str, Any]) -> None:
    registries = [{"registryArn": REGISTRY, "containerPort": 80}]
    service = {"taskSets": [{**one, "serviceRegistries": registries} for one in part["taskSets"]]} if part else {}
    service = service or {"serviceRegistries": registries}

    of_task = found(service, {**TASK, "taskArn": "arn:aws:ecs:us-east-1:123456789012:task/web/0f3a"})

    assert of_task == ({Target(REGISTRY, "0f3a", 0)}, True, True)


def test_a_client_of_service_connect_gets_no_requests() -> None:
    client = {"deployments": [{"id": "ecs-svc/1", "serviceConnectConfiguration": {"enabled": True}}]}

    assert found(client).are_all_known


@pytest.mark.parametrize(("is_ipv6", "address"), [(False, "10.0.0.9"), (True, "2001:db8::9")])
def test_a_task_with_two_addresses_is_the_target_that_the_group_can_hold(is_ipv6: bool, address: str) -> None:
    interface = {"privateIpv4Address": "10.0.0.9", "ipv6Address": "2001:db8::9"}
    task = {**TASK, "containers": [{"name": "app", "networkInterfaces": [interface]}]}
    routing = Routing(groups={"group": TargetGroup(is_ipv6=is_ipv6)})

    of_task = found({"loadBalancers": [balanced("group")]}, task, routing)
    assert of_task.targets == {Target("group", address, 80)}
    alone = {**TASK, "containers": [{"name": "app", "networkInterfaces": [{"ipv6Address": "2001:db8::9"}]}]}
    assert found({"loadBalancers": [balanced("group")]}, alone).targets == {Target("group", "2001:db8::9", 80)}


def test_a_target_behind_a_network_load_balancer_lingers() -> None:
    service = {"loadBalancers": [balanced("web"), balanced("tcp")]}
    groups = {"web": TargetGroup(), "tcp": TargetGroup(lingers=True)}

    assert found(service, routing=Routing(groups=groups)) == (at("web", "tcp"), True, True)
    assert found(service, routing=Routing(groups={"web": TargetGroup()})).lingers, "it may be of such a load balancer"


def test_target_groups_are_read_twenty_a_call_and_once_a_process() -> None:
    world = World()
    protocols = ("HTTP", "HTTPS", "TCP", "UDP", "TLS", "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC")
    groups = [
        world.account.balancing.add(SimulatedGroup(f"g{number}", protocol=protocols[number % len(protocols)]))
        for number in range(45)
    ]
    runtime = world.suite.runtime("test")

    read = read_target_groups(runtime, [g.arn for g in groups])
    read_target_groups(runtime, [g.arn for g in groups])

    assert {arn: group.lingers for arn, group in read.items()} == {
        g.arn: g.protocol not in ("HTTP", "HTTPS") for g in groups
    }
    assert world.account.endpoint.counted("test").calls["elbv2:DescribeTargetGroups"] == 3


def test_a_target_group_that_was_deleted_keeps_no_other_from_being_read() -> None:
    world = World()
    group = world.account.balancing.add(SimulatedGroup("tcp", protocol="TCP"))

    read = read_target_groups(world.suite.runtime("test"), [f"{ELB}/gone/1", group.arn])

    assert read == {f"{ELB}/gone/1": TargetGroup(), group.arn: TargetGroup(port=80, lingers=True)}


def test_a_refusal_for_one_thing_of_a_list_leaves_only_that_one_unread() -> None:
    world = World()
    groups = [world.account.balancing.add(SimulatedGroup(f"g{number}")).arn for number in range(20)]
    cluster = world.spot_cluster("web", 1)
    revisions = [
        f"arn:aws:ecs:us-east-1:123456789012:service-revision/web/{cluster.service(f's{n}', 1).name}/{1:016d}"
        for n in range(20)
    ]
    actions = world.account.endpoint.actions

    def refuse_one(name: str, arn: str) -> None:
        allowed = actions[name]

        def answer(params: dict[str, Any]) -> dict[str, Any]:
            if any(arn in asked for asked in params.values()):
                raise AwsError("AccessDenied", "no")
            return allowed(params)

        actions[name] = answer

    refuse_one("elbv2:DescribeTargetGroups", groups[7])
    refuse_one("ecs:DescribeServiceRevisions", revisions[7])

    runtime = world.suite.runtime("test")
    assert set(read_target_groups(runtime, groups)) == set(groups) - {groups[7]}
    assert set(read_revisions(runtime, revisions)) == set(revisions) - {revisions[7]}


def test_what_a_refusal_leaves_unread_is_asked_again() -> None:
    world = World()
    group = world.account.balancing.add(SimulatedGroup("tcp", protocol="TCP"))
    service = world.spot_cluster("web", 1).service("api", 1)
    arn, unknown = (
        f"arn:aws:ecs:us-east-1:123456789012:service-revision/web/{service.name}/{number:016d}" for number in (1, 2)
    )
    actions, runtime = world.account.endpoint.actions, world.suite.runtime("test")
    kept = dict(actions)

    def refuse(params: object) -> dict[str, Any]:
        raise AwsError("AccessDenied", "no")

    actions.update(dict.fromkeys(("elbv2:DescribeTargetGroups", "ecs:DescribeServiceRevisions"), refuse))
    assert (read_target_groups(runtime, [group.arn]), read_revisions(runtime, [arn])) == ({}, {})
    actions.update(kept)
    assert read_target_groups(runtime, [group.arn])
    assert list(read_revisions(runtime, [arn, unknown])) == [arn]


def test_a_group_and_a_fleet_say_where_they_register_their_instances() -> None:
    sources = [
        {"Identifier": f"{ELB}/b/2", "Type": "elbv2"},
        {"Identifier": f"{ELB}/c/3"},
        {"Identifier": "arn:aws:vpc-lattice:us-east-1:123456789012:targetgroup/tg-1", "Type": "vpc-lattice"},
    ]
    classic = frozenset({"a Classic Load Balancer"})

    group = group_routes({"TargetGroupARNs": [f"{ELB}/a/1"], "TrafficSources": sources, "LoadBalancerNames": ["old"]})  # type: ignore[typeddict-item]
    fleet = fleet_routes(
        {
            "SpotFleetRequestConfig": {  # type: ignore[typeddict-item]
                "LoadBalancersConfig": {
                    "ClassicLoadBalancersConfig": {"ClassicLoadBalancers": [{"Name": "old"}]},
                    "TargetGroupsConfig": {"TargetGroups": [{"Arn": f"{ELB}/a/1"}]},
                }
            }
        }
    )

    assert group == Routes((f"{ELB}/a/1", f"{ELB}/b/2", f"{ELB}/c/3"), classic | {"VPC Lattice"})
    assert fleet == Routes((f"{ELB}/a/1",), classic)
