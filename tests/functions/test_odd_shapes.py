"""Whatever AWS' models allow in a task definition, a service or a task, a drain step reads it without an exception."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.world import World
from steady.aws.capacity import auto_scaling_group, spot_fleet
from steady.aws.ecs.services import task_definitions_of
from steady.aws.ecs.task_definitions import TaskDefinition, to_task_definition
from steady.aws.ecs.traffic import traffic_of
from steady.aws.service_out.doomed_tasks import to_doomed_task
from steady.aws.service_out.target_groups import to_target_group
from steady.aws.service_out.task_targets import Routing, report_late, targets_of
from steady.cluster import Size, TaskShape
from steady.service_out.doomed import TaskKind
from tests.functions.aws_shapes import TEXTS, values_of

ODD = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
DEFINITION = TaskDefinition(TaskShape(Size(256, 512)), stop_timeout_s=30)
ARN = st.just("arn:aws:ecs:us-east-1:123456789012:task/web/0123")
# Every text that may be an ARN is known to the routing: what is read is read of odd shapes, too.
ROUTINGS = st.builds(
    Routing,
    st.dictionaries(st.sampled_from(TEXTS), values_of("ecs", "ServiceRevision"), max_size=4),
    st.dictionaries(st.sampled_from(TEXTS), values_of("elbv2", "TargetGroup").map(to_target_group), max_size=4),
)
MODES = st.sampled_from(["bridge", "host", "awsvpc", "none"])


@ODD
@given(values_of("ecs", "TaskDefinition"))
def test_every_task_definition_has_a_shape_and_a_stop_timeout(definition: dict[str, Any]) -> None:
    read = to_task_definition(definition)  # type: ignore[arg-type]

    timeouts = [c.get("stopTimeout", 30) for c in definition.get("containerDefinitions", [])]
    assert read.stop_timeout_s >= max(timeouts, default=0)
    assert read.shape.gpus >= 0
    assert read.shape.size.cpu_units >= 0


@ODD
@given(values_of("ecs", "Task"), values_of("ecs", "Service"), MODES, ROUTINGS)
def test_every_task_and_service_have_targets_that_can_be_deregistered(
    task: dict[str, Any], service: dict[str, Any], mode: str, routing: Routing
) -> None:
    found = targets_of(task, service, "i-0", mode, routing)  # type: ignore[arg-type]

    for target in found.targets:
        assert target.group_arn
        assert target.id
        assert isinstance(target.port, int)


# Tasks and services whose targets can often be worked out.
REGISTRY = "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-e4anhexample0004"
ENI = {"type": "ElasticNetworkInterface", "details": [{"name": "privateIPv4Address", "value": "10.0.0.1"}]}
SERVING = values_of(
    "ecs",
    "Task",
    lastStatus=st.sampled_from(["RUNNING", "ACTIVATING"]),
    startedBy=st.sampled_from(["", "a"]),
    attachments=st.just([ENI]),
)
BALANCED = values_of(
    "ecs",
    "Service",
    loadBalancers=st.lists(
        values_of("ecs", "LoadBalancer", targetGroupArn=st.just("arn:group"), containerPort=st.just(80)),
        min_size=1,
        max_size=2,
    ),
    deployments=st.just([{"id": "a", "status": "PRIMARY"}]) | st.lists(values_of("ecs", "Deployment"), max_size=2),
    taskSets=st.just([]) | st.lists(values_of("ecs", "TaskSet"), max_size=2),
    serviceRegistries=st.just([])
    | st.lists(values_of("ecs", "ServiceRegistry", registryArn=st.sampled_from(["", REGISTRY])), max_size=1),
)


@ODD
@given(SERVING | values_of("ecs", "Task"), BALANCED | values_of("ecs", "Service"), MODES, ROUTINGS)
def test_a_task_is_stopped_early_only_if_each_way_to_it_is_a_target(
    task: dict[str, Any], service: dict[str, Any], mode: str, routing: Routing
) -> None:
    found = targets_of(task, service, "i-0", mode, routing)  # type: ignore[arg-type]
    parts = [service, *service.get("taskSets", []), *service.get("deployments", [])]

    if found.are_all_known:
        entries = [entry for part in parts for entry in part.get("loadBalancers", [])]
        alternates = [entry.get("advancedConfiguration", {}) for entry in entries]
        named = {entry.get("targetGroupArn") for entry in entries}
        named |= {one.get("alternateTargetGroupArn") for one in alternates}
        assert named - {None, ""} <= {target.group_arn for target in found.targets}
        assert not any(part.get("vpcLatticeConfigurations") for part in parts)
        registries = {one.get("registryArn") for part in parts for one in part.get("serviceRegistries", [])}
        assert found.lingers or not registries, "clients know its address for some time"
        assert "taskArn" not in task or registries <= {target.group_arn for target in found.targets}
        assert not entries or task.get("lastStatus") in ("RUNNING", "DEACTIVATING", "STOPPING", "STOPPED")


@ODD
@given(
    values_of("ecs", "Task", taskArn=ARN, containerInstanceArn=ARN),
    values_of("ecs", "Service") | st.none(),
    ROUTINGS,
)
def test_every_task_on_a_doomed_instance_is_of_a_kind(
    task: dict[str, Any], service: dict[str, Any] | None, routing: Routing
) -> None:
    doomed = to_doomed_task(task, service, "i-0", DEFINITION, routing)  # type: ignore[arg-type]

    assert doomed.kind in TaskKind
    of_service = task.get("group", "").startswith("service:") and task["group"] != "service:"
    if service is None and not of_service:
        assert doomed.kind is TaskKind.BATCH
    elif service is None:
        assert doomed.targets_unknown, "its service could not be read: it is stopped late"


RUNTIME = World().suite.runtime("test")


@ODD
@given(values_of("ecs", "Service"), ROUTINGS)
def test_every_service_has_reasons_that_can_be_logged(service: dict[str, Any], routing: Routing) -> None:
    report_late(RUNTIME, "web", [{"group": "service:api"}], {"api": service}, routing)  # type: ignore[dict-item]

    assert all(traffic_of(service).groups)
    assert all(task_definitions_of(service))  # type: ignore[arg-type]


@ODD
@given(values_of("autoscaling", "AutoScalingGroup"), values_of("ec2", "SpotFleetRequestConfig"))
def test_every_pool_has_routes(group: dict[str, Any], fleet: dict[str, Any]) -> None:
    routes = (auto_scaling_group.to_routes(group), spot_fleet.to_routes(fleet))  # type: ignore[arg-type]

    assert all(isinstance(arn, str) for route in routes for arn in route.target_groups)
