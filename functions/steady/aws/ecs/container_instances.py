"""Container instances: read in the fewest pages, and drained in batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from steady.architecture import PLATFORM
from steady.aws.ecs.lists import call_for_each, raise_refused, report_refused
from steady.aws.ecs.pages import PAGE
from steady.aws.runtime import Runtime, batches
from steady.cluster import ContainerInstance, InstanceStatus, Size
from steady.drain_mark import ATTRIBUTE, DrainMark

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.literals import ContainerInstanceStatusType
    from mypy_boto3_ecs.type_defs import (
        ContainerInstanceTypeDef,
        DescribeContainerInstancesResponseTypeDef,
        UpdateContainerInstancesStateResponseTypeDef,
    )

# The statuses of an instance that is registered.
REGISTERED = (InstanceStatus.ACTIVE, InstanceStatus.DRAINING)
# ECS: how many things one call takes or one page holds.
INSTANCES_A_STATE_UPDATE = 10
INSTANCES_A_DESCRIBE = 100
# The type of a task's network interface among its attachments: the API and the events of ECS name it differently.
ENI_ATTACHMENTS = ("ElasticNetworkInterface", "eni")


def describe_all_instances(runtime: Runtime, cluster: str) -> tuple[ContainerInstance, ...]:
    """Return the registered container instances of `cluster` that are EC2 instances, one for each of these.

    Those that are REGISTERING, REGISTRATION_FAILED or DEREGISTERING take no task, and are not among them. Machines of
    ECS Anywhere take only tasks of the launch type EXTERNAL, and are not among them either.
    """
    pages = runtime.ecs.get_paginator("list_container_instances").paginate(
        cluster=cluster, PaginationConfig={"PageSize": PAGE}
    )
    arns = [arn for page in pages for arn in page["containerInstanceArns"]]
    described = describe_instances(runtime, cluster, arns)
    return tuple(one_each(i for i in described if i.status in REGISTERED and not i.is_external).values())


def one_each(instances: Iterable[ContainerInstance]) -> dict[str, ContainerInstance]:
    """Return one container instance for each EC2 instance, by its id: the one whose agent is connected.

    amazon-ecs-agent #782: an agent that registered twice leaves another, disconnected container instance.
    """
    found: dict[str, ContainerInstance] = {}
    for instance in instances:
        known = found.get(instance.instance_id)
        if known is None or (not known.agent_connected and (instance.agent_connected or not known.task_count)):
            found[instance.instance_id] = instance
    return found


class Described(NamedTuple):
    """The container instances that ECS described, and the ARNs of those that it refused to describe."""

    instances: tuple[ContainerInstance, ...] = ()
    refused: frozenset[str] = frozenset()


def describe_instances(runtime: Runtime, cluster: str, arns: Iterable[str]) -> tuple[ContainerInstance, ...]:
    """Return the container instances `arns`, less those that are no longer registered.

    Raises:
        ClientError, BotoCoreError: if ECS refuses to describe some of them.
    """
    # A session makes its clients in one thread only: before the calls side by side.
    client = runtime.ecs
    answers = runtime.in_parallel(
        lambda batch: _describe(client, cluster, batch), list(batches(arns, INSTANCES_A_DESCRIBE))
    )
    return _registered(answers)


def describe_readable_instances(runtime: Runtime, cluster: str, arns: Iterable[str]) -> Described:
    """Return those of the container instances `arns` that are registered, and those that ECS refuses to describe."""

    def describe(client: ECSClient, batch: Sequence[str]) -> DescribeContainerInstancesResponseTypeDef:
        return _describe(client, cluster, batch)

    found = call_for_each(runtime, describe, arns, INSTANCES_A_DESCRIBE)
    report_refused(
        runtime, cluster, "container instances could not be described", found.refused, "the next step tries again"
    )
    return Described(_registered(found.answers), frozenset(found.refused))


def _describe(client: ECSClient, cluster: str, arns: Sequence[str]) -> DescribeContainerInstancesResponseTypeDef:
    return client.describe_container_instances(
        cluster=cluster, containerInstances=arns, include=["CONTAINER_INSTANCE_HEALTH"]
    )


def _registered(answers: Iterable[DescribeContainerInstancesResponseTypeDef]) -> tuple[ContainerInstance, ...]:
    return tuple(_instance(i) for answer in answers for i in answer["containerInstances"] if i["status"] != "INACTIVE")


class Found(NamedTuple):
    """Container instances by EC2 instance id, and the ids of instances of which it is not known whether they have one.

    `refused`: ECS refused to describe a container instance that may be theirs. `stale` are further container instances,
    with tasks, of EC2 instances whose agent has registered twice.
    """

    instances: dict[str, ContainerInstance]
    refused: frozenset[str] = frozenset()
    stale: Sequence[ContainerInstance] = ()


def find_instances(runtime: Runtime, cluster: str, instance_ids: Iterable[str]) -> Found:
    """Find the container instances of `cluster` on the EC2 instances `instance_ids`."""
    found: dict[str, ContainerInstance] = {}
    refused: set[str] = set()
    stale: list[ContainerInstance] = []
    for batch in batches(sorted(set(instance_ids)), PAGE):
        pages = runtime.ecs.get_paginator("list_container_instances").paginate(
            cluster=cluster, filter=f"ec2InstanceId in [{', '.join(batch)}]", PaginationConfig={"PageSize": PAGE}
        )
        arns = [arn for page in pages for arn in page["containerInstanceArns"]]
        described = describe_readable_instances(runtime, cluster, arns)
        # An emulator may ignore the filter. A drain of the wrong instance would be a disaster: check the id.
        theirs = [i for i in described.instances if i.instance_id in batch]
        found |= one_each(theirs)
        stale += [i for i in theirs if i is not found[i.instance_id] and i.task_count and i.status in REGISTERED]
        if described.refused:
            refused |= set(batch) - found.keys()
    return Found(found, frozenset(refused), stale)


def set_draining(runtime: Runtime, cluster: str, arns: Iterable[str]) -> tuple[ContainerInstance, ...]:
    """Set instances to DRAINING, and return them as the answers describe them: no more tasks are placed on them.

    Instances that ECS did not drain, because they are gone or because it refuses to, are left out.

    Raises:
        ClientError, BotoCoreError: if ECS refuses to drain any of them.
    """
    return _set_state(runtime, cluster, arns, "DRAINING")


def set_active(runtime: Runtime, cluster: str, arns: Iterable[str]) -> None:
    """Set draining instances back to ACTIVE. It fails as `set_draining` does."""
    _set_state(runtime, cluster, arns, "ACTIVE")


def _set_state(
    runtime: Runtime, cluster: str, arns: Iterable[str], status: ContainerInstanceStatusType
) -> tuple[ContainerInstance, ...]:
    def update(client: ECSClient, batch: Sequence[str]) -> UpdateContainerInstancesStateResponseTypeDef:
        return client.update_container_instances_state(cluster=cluster, containerInstances=batch, status=status)

    # Until it is drained, ECS places further tasks on an instance that goes.
    updated = call_for_each(runtime, update, arns, INSTANCES_A_STATE_UPDATE, also_silent=True)
    for failure in (failure for answer in updated.answers for failure in answer.get("failures", [])):
        runtime.telemetry.warning(
            f"cluster {cluster}: ECS did not set {failure.get('arn')} to {status} ({failure.get('reason')}); "
            "the next step or tick looks at it again",
            cluster=cluster,
        )
    if not updated.answers:
        raise_refused(updated.refused)
    report_refused(
        runtime,
        cluster,
        f"container instances were not set to {status}",
        updated.refused,
        "the next step or tick looks at them again",
    )
    return tuple(_instance(i) for answer in updated.answers for i in answer["containerInstances"])


def list_instances_matching(runtime: Runtime, cluster: str, expression: str) -> frozenset[str]:
    """Return the ARNs of the container instances that satisfy a memberOf expression (ECS cluster query language)."""
    pages = runtime.ecs.get_paginator("list_container_instances").paginate(
        cluster=cluster, filter=expression, PaginationConfig={"PageSize": PAGE}
    )
    return frozenset(arn for page in pages for arn in page["containerInstanceArns"])


def _instance(described: ContainerInstanceTypeDef) -> ContainerInstance:
    registered = {r["name"]: r for r in described["registeredResources"]}
    remaining = {r["name"]: r for r in described["remainingResources"]}
    # ECS lists the ports in use, in both lists; the reserved ones (22, 2375, 51678, …) are among them.
    ports = remaining.get("PORTS", {}).get("stringSetValue", [])
    attributes = {a.get("name"): a.get("value", "") for a in described.get("attributes", [])}
    status = described["status"]
    return ContainerInstance(
        arn=described["containerInstanceArn"],
        instance_id=described["ec2InstanceId"],
        status=InstanceStatus(status) if status in InstanceStatus.__members__ else InstanceStatus.OTHER,
        registered=Size(registered["CPU"]["integerValue"], registered["MEMORY"]["integerValue"]),
        remaining=Size(remaining["CPU"]["integerValue"], remaining["MEMORY"]["integerValue"]),
        task_count=described["runningTasksCount"] + described["pendingTasksCount"],
        used_ports=frozenset(int(p) for p in ports),
        agent_connected=described.get("agentConnected", True),
        instance_type=attributes.get("ecs.instance-type", ""),
        zone=attributes.get("ecs.availability-zone", ""),
        # `remaining` lists the ids of the free GPUs, `registered` those of all.
        gpus=len(remaining.get("GPU", {}).get("stringSetValue", [])),
        registered_gpus=len(registered.get("GPU", {}).get("stringSetValue", [])),
        enis_used=sum(a.get("type") in ENI_ATTACHMENTS for a in described.get("attachments", [])),
        # ECS: with ENI trunking, an instance takes many more awsvpc tasks than it has network interfaces.
        enis_limited="ecs.awsvpc-trunk-id" not in attributes,
        impaired=described.get("healthStatus", {}).get("overallStatus") == "IMPAIRED",
        drain_mark=DrainMark.parse(attributes.get(ATTRIBUTE, "")),
        provider=described.get("capacityProviderName", ""),
        # ECS Developer Guide, "External instances": the attribute; Systems Manager: the id of a machine of one's own.
        is_external="ecs.capability.external" in attributes or described["ec2InstanceId"].startswith("mi-"),
        platform=tuple((name, attributes[name]) for name in PLATFORM if attributes.get(name)),
    )
