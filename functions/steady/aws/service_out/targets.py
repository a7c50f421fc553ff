"""Call Elastic Load Balancing: read the states of targets, and deregister them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from steady.aws.ecs.container_instances import ENI_ATTACHMENTS
from steady.aws.runtime import Runtime, batches
from steady.service_out.drain import Target, TargetState

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef, TaskTypeDef
    from mypy_boto3_elbv2.type_defs import TargetDescriptionTypeDef

TARGETS_A_CALL = 100

_STATES = {"draining": TargetState.DRAINING, "unused": TargetState.LEFT}


def targets_of(task: TaskTypeDef, service: ServiceTypeDef, instance_id: str) -> frozenset[Target]:
    """Return the targets that ECS registered for `task`, in every target group of its `service`.

    A target is the instance and a host port (bridge and host networking), or the address of the task's own network
    interface and the container port (awsvpc).
    """
    address = _own_address(task)
    found = set()
    for balancer in service.get("loadBalancers", []):
        group = balancer.get("targetGroupArn")
        if not group:  # a Classic Load Balancer
            continue
        if address:
            found.add(Target(group, address, balancer["containerPort"]))
            continue
        found |= {
            Target(group, instance_id, binding["hostPort"])
            for container in task.get("containers", [])
            if container.get("name") == balancer.get("containerName")
            for binding in container.get("networkBindings", [])
            if binding.get("containerPort") == balancer.get("containerPort") and "hostPort" in binding
        }
    return frozenset(found)


def read_states(runtime: Runtime, targets: Iterable[Target]) -> Mapping[Target, TargetState]:
    """Return the state of each of `targets`. Those of a deleted target group have left."""

    # A session makes its clients in one thread only: before the calls side by side.
    client = runtime.elbv2

    def look(group_and_batch: tuple[str, Sequence[Target]]) -> dict[Target, TargetState]:
        group, batch = group_and_batch
        try:
            answer = client.describe_target_health(TargetGroupArn=group, Targets=_descriptions(batch))
        except client.exceptions.TargetGroupNotFoundException:
            return dict.fromkeys(batch, TargetState.LEFT)
        return {
            Target(group, health["Target"]["Id"], health["Target"].get("Port", 0)): _STATES.get(
                health["TargetHealth"]["State"], TargetState.TAKING
            )
            for health in answer["TargetHealthDescriptions"]
        }

    states = dict.fromkeys(targets, TargetState.LEFT)
    for answer in runtime.in_parallel(look, _by_group(states)):
        states.update((target, state) for target, state in answer.items() if target in states)
    return states


def deregister(runtime: Runtime, targets: Iterable[Target]) -> None:
    """Deregister `targets` from their target groups. A repeated call, or one for a deleted target group, succeeds."""

    client = runtime.elbv2

    def leave(group_and_batch: tuple[str, Sequence[Target]]) -> None:
        group, batch = group_and_batch
        try:
            client.deregister_targets(TargetGroupArn=group, Targets=_descriptions(batch))
        except client.exceptions.TargetGroupNotFoundException:
            runtime.telemetry.warning(
                f"target group {group} does not exist: {len(batch)} targets count as deregistered"
            )
        except client.exceptions.InvalidTargetException:
            # ELB refuses the whole call for one target of a terminated instance: deregister them one by one.
            for target in batch if len(batch) > 1 else ():
                leave((group, [target]))

    runtime.in_parallel(leave, _by_group(targets))


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
