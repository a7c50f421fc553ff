"""Read what the doctor checks from a live account. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from time import time
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from cli.doctor.capacity.pools import inspect_pool
from cli.doctor.model import Inspection, Member, Revision, TargetGroup, Unknown
from steady.aws.capacity.ec2_instances import described_instances
from steady.aws.capacity.origins import origins_of
from steady.aws.capacity.pools import read_pool, read_routes
from steady.aws.capacity.providers import Providers
from steady.aws.ecs.container_instances import describe_all_instances
from steady.aws.ecs.services import (
    describe_services,
    is_daemon,
    launches_of,
    list_services,
    read_revisions,
    revision_arns,
    service_of,
    task_definitions_of,
)
from steady.aws.ecs.task_definitions import TaskDefinition, read_task_definition
from steady.aws.ecs.task_lists import describe_tasks_on
from steady.aws.ecs.traffic import Traffic, traffic_of
from steady.aws.runtime import Runtime, batches
from steady.aws.service_out.target_groups import GROUPS_A_CALL, to_target_group
from steady.cluster import DEFAULT_STOP_TIMEOUT_S, ContainerInstance
from steady.pools import PoolName

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef
    from mypy_boto3_elbv2.type_defs import TargetGroupTypeDef

# An instance that has not registered for so long does not boot any more (threshold boot_timeout_seconds, 600 s).
REGISTERS_WITHIN_S = 900


def inspect(runtime: Runtime, cluster: str, pool: PoolName, of_cluster: Sequence[PoolName] = ()) -> Inspection:
    """Return what the doctor checks of `cluster` and of its pool, or of one of its pools `of_cluster`.

    Raises:
        NoSuchPool: if there is no such group or fleet.
    """
    every = describe_all_instances(runtime, cluster)
    providers = Providers(runtime, cluster, {pool: ()}, every)
    instances = providers.our_instances(every)
    # Service-out stops a daemon last: its settings cut no request short. What runs elsewhere is nobody's here.
    services = [
        s
        for s in describe_services(runtime, cluster, list_services(runtime, cluster))
        if not is_daemon(s) and any(map(providers.serves, launches_of(s)))
    ]
    routing = read_revisions(runtime, (arn for service in services for arn in revision_arns(service)))
    traffic = {
        s["serviceName"]: traffic_of(s, [routing[arn] for arn in revision_arns(s) if arn in routing]) for s in services
    }
    revisions = {s["serviceName"]: _revisions(runtime, s, traffic[s["serviceName"]]) for s in services}
    unknown = {name: one.otherwise for name, one in traffic.items()} | {"": read_routes(runtime, pool).otherwise}
    inspection = Inspection(
        cluster=cluster,
        pool=pool,
        others=tuple(one for one in of_cluster if one != pool),
        target_groups=tuple(_target_groups(runtime, traffic, revisions)),
        revisions=(*(r for found in revisions.values() for r in found), *_batch_revisions(runtime, cluster, instances)),
        members=_members(runtime, instances),
        unregistered=_unregistered(runtime, pool, every),
        unknown=tuple(Unknown(tuple(sorted(ways)), service) for service, ways in unknown.items() if ways),
        in_cloud_map=tuple(sorted(service for service, one in traffic.items() if one.registries)),
    )
    return inspect_pool(runtime, inspection)


def _unregistered(runtime: Runtime, pool: PoolName, every: Iterable[ContainerInstance]) -> tuple[str, ...]:
    """Return the ids of the pool's instances that have run for long and are not registered with the cluster."""
    registered = {i.instance_id for i in every}
    missing = [id_ for id_ in read_pool(runtime, pool).members if id_ not in registered]
    booted_by = time() - REGISTERS_WITHIN_S
    found = (
        i["InstanceId"] for i in described_instances(runtime.ec2, missing) if i["LaunchTime"].timestamp() < booted_by
    )
    return tuple(sorted(found))


def _revisions(runtime: Runtime, service: ServiceTypeDef, traffic: Traffic) -> list[Revision]:
    """Return the task definitions of a service; an EXTERNAL one may have several, or none yet."""
    return [
        Revision(arn, definition.stop_timeout_s, service["serviceName"], bool(traffic.balanced))
        for arn in task_definitions_of(service)
        if (definition := _readable(runtime, arn))
    ]


def _batch_revisions(runtime: Runtime, cluster: str, instances: Sequence[ContainerInstance]) -> list[Revision]:
    """Return the task definitions of the tasks that run without a service now."""
    tasks = describe_tasks_on(runtime, cluster, instances)
    arns = sorted({task["taskDefinitionArn"] for task in tasks if not service_of(task)})
    return [Revision(arn, found.stop_timeout_s) for arn in arns if (found := _readable(runtime, arn))]


def _readable(runtime: Runtime, arn: str) -> TaskDefinition | None:
    """Return the task definition `arn`; None, and a warning, if ECS refuses it: the others are examined."""
    try:
        return read_task_definition(runtime, arn)
    except (ClientError, BotoCoreError) as error:
        runtime.telemetry.warning(f"task definition {arn} cannot be read, and is not examined: {error}")
        return None


def _target_groups(
    runtime: Runtime, traffic: Mapping[str, Traffic], revisions: Mapping[str, Sequence[Revision]]
) -> Iterable[TargetGroup]:
    of_service = {arn: service for service, one in traffic.items() for arn in one.groups}
    for batch in batches(sorted(of_service), GROUPS_A_CALL):
        for group in runtime.elbv2.describe_target_groups(TargetGroupArns=batch)["TargetGroups"]:
            service = of_service[group["TargetGroupArn"]]
            longest_s = max((r.stop_timeout_s for r in revisions[service]), default=DEFAULT_STOP_TIMEOUT_S)
            yield _target_group(runtime, group, service, longest_s)


def _target_group(runtime: Runtime, group: TargetGroupTypeDef, service: str, stop_timeout_s: int) -> TargetGroup:
    answer = runtime.elbv2.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])
    attributes = {a["Key"]: a["Value"] for a in answer["Attributes"]}
    return TargetGroup(
        arn=group["TargetGroupArn"],
        service=service,
        # ELB: the delay is 300 s by default, and a Network Load Balancer has no slow start.
        delay_s=int(attributes.get("deregistration_delay.timeout_seconds", 300)),
        slow_start_s=int(attributes.get("slow_start.duration_seconds", 0)),
        health_interval_s=group.get("HealthCheckIntervalSeconds", 30),
        healthy_count=group.get("HealthyThresholdCount", 5),
        stop_timeout_s=stop_timeout_s,
        lingers=to_target_group(group).lingers,
    )


def _members(runtime: Runtime, instances: Iterable[ContainerInstance]) -> tuple[Member, ...]:
    ids = [i.instance_id for i in instances]
    origins = origins_of(runtime, ids)
    return tuple(Member(id_, origins[id_].pool, origins[id_].cluster) for id_ in sorted(ids) if id_ in origins)
