"""Call Elastic Load Balancing: read the states of targets, and deregister them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from steady.aws.runtime import Runtime, batches
from steady.service_out.drain import Target, TargetState

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import TargetDescriptionTypeDef

TARGETS_A_CALL = 100

_STATES = {"draining": TargetState.DRAINING, "unused": TargetState.LEFT}


def read_states(runtime: Runtime, targets: Iterable[Target]) -> Mapping[Target, TargetState]:
    """Return the state of each of `targets`. Those of a deleted target group have left.

    If ELB refuses to say the state of a target (HealthUnavailable, no permission), it counts as one that still takes
    requests: it is deregistered, and its task is stopped late. The other targets are not concerned.
    """

    # A session makes its clients in one thread only: before the calls side by side.
    client = runtime.elbv2

    def look(group_and_batch: tuple[str, Sequence[Target]]) -> dict[Target, TargetState]:
        group, batch = group_and_batch
        try:
            answer = client.describe_target_health(TargetGroupArn=group, Targets=_descriptions(batch))
        except client.exceptions.TargetGroupNotFoundException:
            return dict.fromkeys(batch, TargetState.LEFT)
        except client.exceptions.InvalidTargetException:
            # ELB refuses the whole call for one target that does not exist any more: that one has left.
            return {t: s for target in batch for t, s in look((group, [target])).items()} if batch[1:] else {}
        except ClientError as error:
            runtime.telemetry.warning(
                f"target group {group}: the states of {len(batch)} targets cannot be read: they are deregistered, and "
                f"their tasks are stopped late: {error}"
            )
            return dict.fromkeys(batch, TargetState.TAKING)
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


def deregister(runtime: Runtime, targets: Iterable[Target]) -> int:
    """Deregister `targets` from their target groups. A repeated call, or one for a deleted target group, succeeds.

    Returns:
        How many targets ELB refused to deregister; they still take requests.
    """

    client = runtime.elbv2

    def leave(group_and_batch: tuple[str, Sequence[Target]]) -> int:
        group, batch = group_and_batch
        try:
            client.deregister_targets(TargetGroupArn=group, Targets=_descriptions(batch))
        except client.exceptions.TargetGroupNotFoundException:
            runtime.telemetry.warning(
                f"target group {group} does not exist: {len(batch)} targets count as deregistered"
            )
        except client.exceptions.InvalidTargetException:
            # ELB refuses the whole call for one target of a terminated instance: deregister them one by one.
            return sum(leave((group, [target])) for target in batch) if batch[1:] else 0
        except ClientError as error:
            # Their state stays as it is: the next step tries again, and no task is stopped before its last moment.
            runtime.telemetry.error(
                f"target group {group}: {len(batch)} targets were not deregistered, the next step tries again: {error}"
            )
            return len(batch)
        return 0

    return sum(runtime.in_parallel(leave, _by_group(targets)))


def _by_group(targets: Iterable[Target]) -> list[tuple[str, Sequence[Target]]]:
    groups: dict[str, list[Target]] = {}
    for target in sorted(targets):
        groups.setdefault(target.group_arn, []).append(target)
    return [(group, batch) for group, members in groups.items() for batch in batches(members, TARGETS_A_CALL)]


def _descriptions(targets: Iterable[Target]) -> list[TargetDescriptionTypeDef]:
    return [{"Id": t.id, "Port": t.port} for t in targets]
