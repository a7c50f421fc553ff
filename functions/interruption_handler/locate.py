"""Which of the instances that messages name are ours, and how long each of them has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from interruption_handler.notices import Parsed
from interruption_handler.notices.notice import Notice
from steady.aws import capacity, ecs, parameters
from steady.aws.runtime import Runtime
from steady.cluster import PoolKind, PoolName
from steady.drain import Doomed


def located(runtime: Runtime, parsed: Sequence[Parsed]) -> list[Doomed]:
    """The doomed instances of our clusters, each once. Those of others are left out: nothing is written for them."""
    found: dict[str, Doomed] = {}
    for value in parsed:
        for doomed in value if isinstance(value, tuple) else ():
            found[doomed.instance_id] = _merged(found.get(doomed.instance_id), doomed)
    new = [value for value in parsed if isinstance(value, Notice)]
    pools = capacity.pools_of(runtime, (n.instance_id for n in new if not n.hook)) if new else {}
    for notice in new:
        pool = (
            PoolName(PoolKind.AUTO_SCALING_GROUP, notice.hook.group) if notice.hook else pools.get(notice.instance_id)
        )
        cluster = parameters.cluster_of(runtime, pool) if pool else None
        if cluster is None:
            runtime.telemetry.info(f"instance {notice.instance_id} is of no cluster that is managed: nothing to do")
            runtime.telemetry.count("ForeignNotices")
            continue
        doomed = _with_deadline(runtime, notice, cluster)
        found[notice.instance_id] = _merged(found.get(notice.instance_id), doomed)
    return _with_arns(runtime, found.values())


def by_cluster(doomed: Iterable[Doomed]) -> dict[str, list[Doomed]]:
    """`doomed`, a list for each cluster."""
    found: dict[str, list[Doomed]] = {}
    for instance in doomed:
        found.setdefault(instance.cluster, []).append(instance)
    return found


def _with_deadline(runtime: Runtime, notice: Notice, cluster: str) -> Doomed:
    if notice.hook is None or notice.deadline_s is not None:
        return Doomed(notice.instance_id, cluster, notice.deadline_s or notice.at, hook=notice.hook)
    timeouts = capacity.hook_timeouts(runtime, notice.hook)
    hook = replace(notice.hook, heartbeat_s=timeouts.heartbeat_s, beat_at=notice.at)
    return Doomed(notice.instance_id, cluster, notice.at + timeouts.global_s, hook=hook)


def _merged(one: Doomed | None, other: Doomed) -> Doomed:
    """What two messages about one instance come to: the nearer deadline, and the hook whichever names it."""
    if one is None:
        return other
    return replace(
        one,
        deadline_s=min(one.deadline_s, other.deadline_s),
        container_instance_arn=one.container_instance_arn or other.container_instance_arn,
        hook=one.hook or other.hook,
    )


def _with_arns(runtime: Runtime, doomed: Iterable[Doomed]) -> list[Doomed]:
    found: list[Doomed] = []
    for cluster, in_cluster in by_cluster(doomed).items():
        unknown = [d.instance_id for d in in_cluster if not d.container_instance_arn]
        instances = ecs.instances_by_ec2_id(runtime, cluster, unknown) if unknown else {}
        found += [
            replace(d, container_instance_arn=instances[d.instance_id].arn) if d.instance_id in instances else d
            for d in in_cluster
        ]
    return found
