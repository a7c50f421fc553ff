"""Count healthy targets, and deregister those of doomed tasks: from load balancers, and from Cloud Map."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from steady.api_budget.limits import CLOUD_MAP_BUCKET, DEREGISTER_BUCKET
from steady.aws.pace import pace_of
from steady.aws.runtime import Runtime, batches
from steady.service_out.doomed import Target, is_of_cloud_map

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import TargetDescriptionTypeDef

# aws-load-balancer-controller deregisters as many in one call (pkg/targetgroupbinding, targets_manager).
TARGETS_A_CALL = 200
# Target groups that are changed side by side.
GROUPS_AT_ONCE = 16


def count_healthy(runtime: Runtime, groups: Iterable[str], less: Collection[Target]) -> Mapping[str, int]:
    """Return how many targets, other than those in `less`, are healthy in each of the target groups `groups` (ARNs).

    A group that ELB does not describe (HealthUnavailable, no permission, deleted) is left out, and so is Cloud Map,
    which counts whatever it was told.
    """

    # A session makes its clients in one thread only: before the calls side by side.
    client = runtime.elbv2

    def count(group: str) -> int | None:
        try:
            answer = client.describe_target_health(TargetGroupArn=group)
        except Exception as error:
            runtime.telemetry.warning(f"target group {group}: the health of its targets cannot be read: {error}")
            return None
        healthy = [h["Target"] for h in answer["TargetHealthDescriptions"] if h["TargetHealth"]["State"] == "healthy"]
        return sum(Target(group, target["Id"], target.get("Port", 0)) not in less for target in healthy)

    asked = sorted(group for group in set(groups) if not is_of_cloud_map(group))
    counts = zip(asked, runtime.in_parallel(count, asked), strict=True)
    return {group: count for group, count in counts if count is not None}


def deregister(
    runtime: Runtime,
    targets: Iterable[Target],
    until: float = math.inf,
    left: Callable[[Sequence[Target]], object] = lambda batch: None,
) -> frozenset[Target]:
    """Deregister `targets` from their target groups, and from Cloud Map.

    A repeated call, or one for a deleted target group, succeeds. The calls keep to the pace that AWS allows. The caller
    has made the clients (`make_clients`).

    Args:
        until: when no more call may begin, in seconds since the epoch.
        left: called with the targets that each call has deregistered.

    Returns:
        The targets that were not deregistered: AWS refused it, or there was no more time. They still take requests.
    """
    all_targets = list(targets)
    registered = [target for target in all_targets if target.is_in_cloud_map]
    balanced = [target for target in all_targets if not target.is_in_cloud_map]
    if not registered:
        return _leave_groups(runtime, balanced, until, left)
    refused, others = runtime.side_by_side(
        lambda: _leave_groups(runtime, balanced, until, left),
        lambda: _leave_cloud_map(runtime, registered, until, left),
    )
    return refused | others


def make_clients(runtime: Runtime, targets: Iterable[Target]) -> None:
    """Make the clients that `deregister` uses: a session makes its clients in one thread only."""
    _ = runtime.elbv2
    if any(target.is_in_cloud_map for target in targets):
        _ = runtime.cloud_map


def _leave_groups(
    runtime: Runtime, targets: Iterable[Target], until: float, left: Callable[[Sequence[Target]], object]
) -> frozenset[Target]:
    client = runtime.elbv2
    pace = pace_of(runtime, DEREGISTER_BUCKET)

    def leave(group_and_batch: tuple[str, Sequence[Target]]) -> list[Target]:
        group, batch = group_and_batch
        if not pace.wait_for_turn(until):
            return list(batch)
        try:
            client.deregister_targets(TargetGroupArn=group, Targets=_descriptions(batch))
        except client.exceptions.TargetGroupNotFoundException:
            runtime.telemetry.warning(
                f"target group {group} does not exist: {len(batch)} targets count as deregistered"
            )
        except client.exceptions.InvalidTargetException:
            # ELB refuses the whole call for one target of a terminated instance: deregister them one by one.
            if batch[1:]:
                return [one for target in batch for one in leave((group, [target]))]
        except Exception as error:
            pace.rest()
            # The next step tries again, and no task of theirs is stopped before its last moment.
            runtime.telemetry.error(
                f"target group {group}: {len(batch)} targets were not deregistered, the next step tries again: {error}"
            )
            return list(batch)
        left(batch)
        return []

    refused = runtime.in_parallel(leave, _by_group(targets), at_once=GROUPS_AT_ONCE)
    return frozenset(target for found in refused for target in found)


def _leave_cloud_map(
    runtime: Runtime, targets: Iterable[Target], until: float, left: Callable[[Sequence[Target]], object]
) -> frozenset[Target]:
    client, pace = runtime.cloud_map, pace_of(runtime, CLOUD_MAP_BUCKET)
    gone = (
        client.exceptions.InstanceNotFound,
        client.exceptions.ServiceNotFound,
        # The same call is under way: its first try took effect.
        client.exceptions.DuplicateRequest,
    )

    def leave(target: Target) -> list[Target]:
        if not pace.wait_for_turn(until):
            return [target]
        try:
            client.deregister_instance(ServiceId=target.group_arn.rpartition("/")[2], InstanceId=target.id)
        except gone:
            pass
        except Exception as error:
            pace.rest()
            runtime.telemetry.error(
                f"Cloud Map service {target.group_arn}: task {target.id} was not deregistered, the next step tries "
                f"again: {error}"
            )
            return [target]
        left([target])
        return []

    refused = runtime.in_parallel(leave, sorted(targets), at_once=GROUPS_AT_ONCE)
    return frozenset(target for found in refused for target in found)


def _by_group(targets: Iterable[Target]) -> list[tuple[str, Sequence[Target]]]:
    groups: dict[str, list[Target]] = {}
    for target in sorted(targets):
        groups.setdefault(target.group_arn, []).append(target)
    return [(group, batch) for group, members in groups.items() for batch in batches(members, TARGETS_A_CALL)]


def _descriptions(targets: Iterable[Target]) -> list[TargetDescriptionTypeDef]:
    return [{"Id": t.id, "Port": t.port} for t in targets]
