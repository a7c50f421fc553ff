"""Call Elastic Load Balancing: count healthy targets, and deregister those of doomed tasks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from steady.aws.ecs.container_instances import ENI_ATTACHMENTS
from steady.aws.runtime import Runtime, batches
from steady.service_out.doomed import Target

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TaskTypeDef
    from mypy_boto3_elbv2.type_defs import TargetDescriptionTypeDef

TARGETS_A_CALL = 100
# Target groups that are changed side by side.
GROUPS_AT_ONCE = 16


class TaskTargets(NamedTuple):
    """The targets of a task; `are_all_known` is whether it can get no request by any other way."""

    targets: frozenset[Target]
    are_all_known: bool


def targets_of(task: TaskTypeDef, service: ServiceTypeDef, instance_id: str, network_mode: str) -> TaskTargets:
    """Return the targets that ECS registered for `task`, in every target group of its `service`.

    A target is the instance and a host port (bridge and host networking), or the address of the task's own network
    interface and the container port (awsvpc).
    """
    found: set[Target] = set()
    are_all_known = not _gets_requests_otherwise(service)
    for balancer in service.get("loadBalancers", []):
        targets = _targets_behind(balancer, task, instance_id, network_mode)
        found |= targets
        # A Classic Load Balancer, a port that the agent has not reported, or a task that is not RUNNING yet.
        are_all_known = are_all_known and bool(targets)
    return TaskTargets(frozenset(found), are_all_known)


def _targets_behind(balancer: Mapping[str, Any], task: TaskTypeDef, instance_id: str, network_mode: str) -> set[Target]:
    group, port = balancer.get("targetGroupArn"), balancer.get("containerPort")
    if not group or port is None:
        return set()
    if address := _own_address(task):
        return {Target(group, address, port)}
    bound = {
        Target(group, instance_id, binding["hostPort"])
        for container in task.get("containers", [])
        if container.get("name") == balancer.get("containerName")
        for binding in container.get("networkBindings", [])
        if binding.get("containerPort") == port and "hostPort" in binding
    }
    # amazon-ecs-agent PR 3479: in network mode host the agent reports no bindings; the ports are the container's own.
    return bound or ({Target(group, instance_id, port)} if network_mode == "host" else set())


def _gets_requests_otherwise(service: ServiceTypeDef) -> bool:
    """Whether requests may reach the service's tasks by another way than the target groups of the service itself.

    ECS API: `taskSets` (CodeDeploy, EXTERNAL) and `advancedConfiguration` (blue/green) name other target groups,
    `serviceRegistries` is Cloud Map, `vpcLatticeConfigurations` VPC Lattice.
    """
    return (
        bool(service.get("serviceRegistries"))
        or any(one.get("loadBalancers") or one.get("serviceRegistries") for one in service.get("taskSets", []))
        or any(one.get("vpcLatticeConfigurations") for one in service.get("deployments", []))
        or any(one.get("advancedConfiguration") for one in service.get("loadBalancers", []))
    )


def count_healthy(runtime: Runtime, groups: Iterable[str], less: Collection[Target]) -> Mapping[str, int]:
    """Return how many targets, other than those in `less`, are healthy in each of the target groups `groups` (ARNs).

    A group that ELB does not describe (HealthUnavailable, no permission, deleted) is left out.
    """

    # A session makes its clients in one thread only: before the calls side by side.
    client = runtime.elbv2

    def count(group: str) -> int | None:
        try:
            answer = client.describe_target_health(TargetGroupArn=group)
        except (ClientError, BotoCoreError) as error:
            runtime.telemetry.warning(f"target group {group}: the health of its targets cannot be read: {error}")
            return None
        healthy = [h["Target"] for h in answer["TargetHealthDescriptions"] if h["TargetHealth"]["State"] == "healthy"]
        return sum(Target(group, target["Id"], target.get("Port", 0)) not in less for target in healthy)

    asked = sorted(set(groups))
    counts = zip(asked, runtime.in_parallel(count, asked), strict=True)
    return {group: count for group, count in counts if count is not None}


def deregister(runtime: Runtime, targets: Iterable[Target]) -> frozenset[Target]:
    """Deregister `targets` from their target groups. A repeated call, or one for a deleted target group, succeeds.

    Returns:
        The targets that ELB refused to deregister; they still take requests.
    """

    client = runtime.elbv2

    def leave(group_and_batch: tuple[str, Sequence[Target]]) -> list[Target]:
        group, batch = group_and_batch
        try:
            client.deregister_targets(TargetGroupArn=group, Targets=_descriptions(batch))
        except client.exceptions.TargetGroupNotFoundException:
            runtime.telemetry.warning(
                f"target group {group} does not exist: {len(batch)} targets count as deregistered"
            )
        except client.exceptions.InvalidTargetException:
            # ELB refuses the whole call for one target of a terminated instance: deregister them one by one.
            return [one for target in batch for one in leave((group, [target]))] if batch[1:] else []
        except (ClientError, BotoCoreError) as error:
            # The next step tries again, and no task of theirs is stopped before its last moment.
            runtime.telemetry.error(
                f"target group {group}: {len(batch)} targets were not deregistered, the next step tries again: {error}"
            )
            return list(batch)
        return []

    refused = runtime.in_parallel(leave, _by_group(targets), at_once=GROUPS_AT_ONCE)
    return frozenset(target for found in refused for target in found)


def _by_group(targets: Iterable[Target]) -> list[tuple[str, Sequence[Target]]]:
    groups: dict[str, list[Target]] = {}
    for target in sorted(targets):
        groups.setdefault(target.group_arn, []).append(target)
    return [(group, batch) for group, members in groups.items() for batch in batches(members, TARGETS_A_CALL)]


def _descriptions(targets: Iterable[Target]) -> list[TargetDescriptionTypeDef]:
    return [{"Id": t.id, "Port": t.port} for t in targets]


def _own_address(task: TaskTypeDef) -> str:
    for attachment in task.get("attachments", []):
        if attachment.get("type") in ENI_ATTACHMENTS:
            for detail in attachment.get("details", []):
                if detail.get("name") == "privateIPv4Address":
                    return detail.get("value", "")
    return ""
