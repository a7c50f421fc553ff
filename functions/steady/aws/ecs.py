"""Call ECS: read container instances, services and tasks in the fewest calls, drain and stop them in batches."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from steady.api_budget.limits import BUCKET_OF, THROTTLED
from steady.aws.cache import Cache
from steady.aws.pace import Pace
from steady.aws.runtime import Runtime, batches
from steady.cluster import DEFAULT_STOP_TIMEOUT_S, ContainerInstance, InstanceStatus, Size, TaskShape

if TYPE_CHECKING:
    from mypy_boto3_ecs.literals import ContainerInstanceStatusType
    from mypy_boto3_ecs.type_defs import ContainerInstanceTypeDef, ServiceTypeDef, TaskDefinitionTypeDef, TaskTypeDef

# ECS: how many things one call takes or one page holds.
INSTANCES_A_STATE_UPDATE = 10
INSTANCES_A_DESCRIBE = 100
TASKS_A_DESCRIBE = 100
TASKS_A_PROTECTION = 100
SERVICES_A_DESCRIBE = 10
PAGE = 100
# The type of a task's network interface among its attachments: the API and the events of ECS name it differently.
ENI_ATTACHMENTS = ("ElasticNetworkInterface", "eni")

# StopTask's bucket, less 10 of its 100 calls at once: those are left to the drains, and to whoever runs tasks.
STOP_BUCKET = replace(BUCKET_OF["StopTask"], burst=90)

# The number of tasks of each cluster, by its name.
TASK_COUNTS = Cache[str, int](max_age_s=60.0)


def describe_all_instances(runtime: Runtime, cluster: str) -> tuple[ContainerInstance, ...]:
    """Return every container instance of `cluster`, whatever its status, less those that are INACTIVE."""
    pages = runtime.ecs.get_paginator("list_container_instances").paginate(
        cluster=cluster, PaginationConfig={"PageSize": PAGE}
    )
    arns = [arn for page in pages for arn in page["containerInstanceArns"]]
    return describe_instances(runtime, cluster, arns)


def describe_instances(runtime: Runtime, cluster: str, arns: Iterable[str]) -> tuple[ContainerInstance, ...]:
    """Return the container instances `arns`, less those that are no longer registered."""
    found = []
    for batch in batches(arns, INSTANCES_A_DESCRIBE):
        answer = runtime.ecs.describe_container_instances(cluster=cluster, containerInstances=batch)
        found += [_instance(i) for i in answer["containerInstances"] if i["status"] != "INACTIVE"]
    return tuple(found)


def find_instances(runtime: Runtime, cluster: str, instance_ids: Iterable[str]) -> dict[str, ContainerInstance]:
    """Return the container instances of `cluster` on the EC2 instances `instance_ids`, by instance id."""
    found = {}
    for batch in batches(sorted(set(instance_ids)), PAGE):
        pages = runtime.ecs.get_paginator("list_container_instances").paginate(
            cluster=cluster, filter=f"ec2InstanceId in [{', '.join(batch)}]", PaginationConfig={"PageSize": PAGE}
        )
        arns = [arn for page in pages for arn in page["containerInstanceArns"]]
        for instance in describe_instances(runtime, cluster, arns):
            # An emulator may ignore the filter. A drain of the wrong instance would be a disaster: check the id.
            if instance.instance_id in batch:
                found[instance.instance_id] = instance
    return found


def drain(runtime: Runtime, cluster: str, arns: Iterable[str]) -> tuple[ContainerInstance, ...]:
    """Set instances to DRAINING, and return them as the answers describe them: no more tasks are placed on them.

    Instances that ECS did not drain, because they are gone, are left out.
    """
    return _set_state(runtime, cluster, arns, "DRAINING")


def undrain(runtime: Runtime, cluster: str, arns: Iterable[str]) -> None:
    """Set draining instances back to ACTIVE."""
    _set_state(runtime, cluster, arns, "ACTIVE")


def _set_state(
    runtime: Runtime, cluster: str, arns: Iterable[str], status: ContainerInstanceStatusType
) -> tuple[ContainerInstance, ...]:
    # A session makes its clients in one thread only: before the calls side by side.
    client = runtime.ecs

    def update(batch: Sequence[str]) -> list[ContainerInstance]:
        answer = client.update_container_instances_state(cluster=cluster, containerInstances=batch, status=status)
        for failure in answer.get("failures", []):
            runtime.telemetry.warning(
                f"cluster {cluster}: ECS did not set {failure.get('arn')} to {status} ({failure.get('reason')}); "
                "the next step or tick looks at it again",
                cluster=cluster,
            )
        return [_instance(i) for i in answer["containerInstances"]]

    answers = runtime.in_parallel(update, list(batches(arns, INSTANCES_A_STATE_UPDATE)))
    return tuple(instance for answer in answers for instance in answer)


def list_services(runtime: Runtime, cluster: str) -> list[str]:
    """Return the ARNs of all services of `cluster`."""
    pages = runtime.ecs.get_paginator("list_services").paginate(cluster=cluster, PaginationConfig={"PageSize": PAGE})
    return [arn for page in pages for arn in page["serviceArns"]]


def describe_services(runtime: Runtime, cluster: str, names: Iterable[str]) -> list[ServiceTypeDef]:
    """Return the services `names` (or ARNs) as ECS describes them, less those that are gone."""
    found = []
    for batch in batches(names, SERVICES_A_DESCRIBE):
        answer = runtime.ecs.describe_services(cluster=cluster, services=batch)
        found += [s for s in answer["services"] if s.get("status") != "INACTIVE"]
    return found


def is_daemon(service: ServiceTypeDef) -> bool:
    """Return whether `service` runs one task on each instance."""
    return service.get("schedulingStrategy") == "DAEMON"


def service_of(task: Mapping[str, object]) -> str:
    """Return the name of the service of `task`, as ECS or its events describe it; "" for a task without a service."""
    kind, _, name = str(task.get("group", "")).partition(":")
    return name if kind == "service" else ""


def service_names(tasks: Iterable[TaskTypeDef]) -> list[str]:
    """Return the names of the services of `tasks`, sorted, each once."""
    return sorted({name for task in tasks if (name := service_of(task))})


def read_service_shape(runtime: Runtime, service: ServiceTypeDef) -> TaskShape:
    """Return the shape of a task of `service`: its task definition's, with the service's own constraints."""
    shape = read_task_definition(runtime, service["taskDefinition"]).shape
    constraints = service.get("placementConstraints", [])
    expressions = {c.get("expression", "") for c in constraints if c.get("type") == "memberOf"}
    distinct = any(c.get("type") == "distinctInstance" for c in constraints)
    zones = any(
        s.get("type") == "spread" and s.get("field") == "attribute:ecs.availability-zone"
        for s in service.get("placementStrategy", [])
    )
    return replace(
        shape,
        member_of=shape.member_of | expressions,
        group=service["serviceName"] if distinct or zones else "",
        distinct=distinct,
        spread_zones=zones,
    )


def list_instances_matching(runtime: Runtime, cluster: str, expression: str) -> frozenset[str]:
    """Return the ARNs of the container instances that satisfy a memberOf expression (ECS cluster query language)."""
    pages = runtime.ecs.get_paginator("list_container_instances").paginate(
        cluster=cluster, filter=expression, PaginationConfig={"PageSize": PAGE}
    )
    return frozenset(arn for page in pages for arn in page["containerInstanceArns"])


def list_instances_of_service(runtime: Runtime, cluster: str, service: str) -> frozenset[str]:
    """Return the ARNs of the container instances on which tasks of `service` are."""
    pages = runtime.ecs.get_paginator("list_tasks").paginate(
        cluster=cluster, serviceName=service, PaginationConfig={"PageSize": PAGE}
    )
    arns = [arn for page in pages for arn in page["taskArns"]]
    tasks = [
        task
        for batch in batches(arns, TASKS_A_DESCRIBE)
        for task in runtime.ecs.describe_tasks(cluster=cluster, tasks=batch)["tasks"]
    ]
    return frozenset(task["containerInstanceArn"] for task in tasks if task.get("containerInstanceArn"))


def describe_tasks_on(runtime: Runtime, cluster: str, instances: Sequence[ContainerInstance]) -> list[TaskTypeDef]:
    """Return the tasks that ECS wants RUNNING on `instances`, listed by instance or by cluster: the fewer calls."""
    client = runtime.ecs
    busy = [i for i in instances if i.task_count]
    if _by_cluster_is_cheaper(runtime, cluster, busy):
        pages = client.get_paginator("list_tasks").paginate(cluster=cluster, PaginationConfig={"PageSize": PAGE})
        arns = [arn for page in pages for arn in page["taskArns"]]
    else:
        lists = runtime.in_parallel(lambda i: _tasks_on(runtime, cluster, i.arn), busy)
        arns = [arn for found in lists for arn in found]
    wanted = {i.arn for i in busy}
    answers = runtime.in_parallel(
        lambda batch: client.describe_tasks(cluster=cluster, tasks=batch), list(batches(arns, TASKS_A_DESCRIBE))
    )
    return [
        task
        for answer in answers
        for task in answer["tasks"]
        if task.get("containerInstanceArn") in wanted and task.get("lastStatus") != "STOPPED"
    ]


def calls_to_read(instances: Iterable[ContainerInstance]) -> int:
    """Return how many calls list and describe the tasks of `instances`, an instance at a time."""
    return _calls_to_read([i.task_count for i in instances])


def _calls_to_read(counts: Sequence[int]) -> int:
    return sum(count > 0 for count in counts) + _pages(sum(counts))


def readable_within(instances: Sequence[ContainerInstance], calls: int) -> Sequence[ContainerInstance]:
    """Return the first of `instances`, as many as have their tasks listed and described in `calls` calls."""
    counts = [i.task_count for i in instances]
    most = bisect.bisect_right(range(len(counts)), calls, key=lambda last: _calls_to_read(counts[: last + 1]))
    return instances[:most]


def _by_cluster_is_cheaper(runtime: Runtime, cluster: str, busy: Sequence[ContainerInstance]) -> bool:
    if len(busy) <= 4:
        return False
    here = sum(i.task_count for i in busy)
    return 2 * _pages(_tasks_in(runtime, cluster)) < len(busy) + _pages(here)


def _tasks_in(runtime: Runtime, cluster: str) -> int:
    # The count only chooses between two ways to read the same tasks: an old count is good enough.
    kept = TASK_COUNTS.get(runtime, cluster)
    if kept is not None:
        return kept
    described = runtime.ecs.describe_clusters(clusters=[cluster])["clusters"][0]
    return TASK_COUNTS.keep(runtime, cluster, described["runningTasksCount"] + described["pendingTasksCount"])


def _pages(count: int) -> int:
    return -(-count // PAGE)


def _tasks_on(runtime: Runtime, cluster: str, arn: str) -> list[str]:
    pages = runtime.ecs.get_paginator("list_tasks").paginate(
        cluster=cluster, containerInstance=arn, PaginationConfig={"PageSize": PAGE}
    )
    return [task for page in pages for task in page["taskArns"]]


def stop_tasks(runtime: Runtime, cluster: str, arns: Sequence[str], reason: str, until: float) -> set[str]:
    """Stop tasks, in their order, until the time `until` (seconds since the epoch); return those asked to stop.

    The calls keep to the pace of StopTask's bucket. A task that is gone counts as stopped. A task whose call was
    throttled is not among those returned: the next step stops it.
    """
    client = runtime.ecs_once
    pace = Pace(STOP_BUCKET, runtime.now, runtime.sleep)

    def stop(arn: str) -> str | None:
        if runtime.now() >= until:
            return None
        pace.wait_for_turn()
        try:
            client.stop_task(cluster=cluster, task=arn, reason=reason)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == THROTTLED:
                pace.rest()
                return None
            # "The referenced task was not found": it ended by itself, and ECS has forgotten it.
            if code != "InvalidParameterException":
                raise
        return arn

    return {arn for arn in runtime.in_parallel(stop, arns) if arn}


def find_protected_tasks(runtime: Runtime, cluster: str, arns: Iterable[str]) -> set[str]:
    """Return those of the service tasks `arns` that are under scale-in protection now.

    If ECS does not answer, they count as unprotected: a notice leaves no time to ask again.
    """
    client = runtime.ecs_once

    def look(batch: Sequence[str]) -> list[str]:
        try:
            answer = client.get_task_protection(cluster=cluster, tasks=batch)
        except (ClientError, BotoCoreError) as error:
            runtime.telemetry.warning(
                f"cluster {cluster}: scale-in protection of {len(batch)} tasks is unknown, so that they may be stopped "
                f"before their deadline: {error}",
                cluster=cluster,
            )
            return []
        return [task["taskArn"] for task in answer["protectedTasks"] if task["protectionEnabled"]]

    answers = runtime.in_parallel(look, list(batches(arns, TASKS_A_PROTECTION)))
    return {arn for found in answers for arn in found}


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """The parts of one revision that are used here. `stop_timeout_s` is the longest of its containers."""

    shape: TaskShape
    stop_timeout_s: int


# By ARN: a revision never changes once it is registered.
TASK_DEFINITIONS = Cache[str, TaskDefinition]()


def read_task_definition(runtime: Runtime, arn: str) -> TaskDefinition:
    """Return the revision `arn`, read once in each process."""
    if known := TASK_DEFINITIONS.get(runtime, arn):
        return known
    definition = runtime.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
    containers = definition.get("containerDefinitions", [])
    timeouts = [c.get("stopTimeout", DEFAULT_STOP_TIMEOUT_S) for c in containers]
    read = TaskDefinition(_shape(definition), max(timeouts, default=DEFAULT_STOP_TIMEOUT_S))
    return TASK_DEFINITIONS.keep(runtime, arn, read)


def _shape(definition: TaskDefinitionTypeDef) -> TaskShape:
    containers = definition.get("containerDefinitions", [])
    # ECS: a size of the task replaces the sum of its containers' sizes; memoryReservation is what is reserved.
    cpu = int(definition.get("cpu") or sum(c.get("cpu", 0) for c in containers))
    memory = int(
        definition.get("memory") or sum(c.get("memoryReservation") or c.get("memory") or 0 for c in containers)
    )
    awsvpc = definition.get("networkMode") == "awsvpc"
    ports = {p["hostPort"] for c in containers for p in c.get("portMappings", []) if p.get("hostPort")}
    needs = [need for c in containers for need in c.get("resourceRequirements", [])]
    constraints = definition.get("placementConstraints", [])
    return TaskShape(
        Size(cpu, memory),
        frozenset() if awsvpc else frozenset(ports),
        gpus=sum(int(need["value"]) for need in needs if need["type"] == "GPU"),
        enis=1 if awsvpc else 0,
        member_of=frozenset(c.get("expression", "") for c in constraints if c.get("type") == "memberOf"),
    )


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
    )
