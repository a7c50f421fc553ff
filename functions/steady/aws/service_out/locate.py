"""Find the cluster and the deadline of each doomed instance that messages name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from steady.aws.capacity.origins import Origin, origins_of
from steady.aws.ecs.container_instances import find_instances
from steady.aws.runtime import Runtime
from steady.aws.service_out.hooks import read_timeouts
from steady.aws.settings import clusters
from steady.cluster import ContainerInstance
from steady.metrics import MetricName
from steady.pools import PoolKind, PoolName
from steady.service_out.drain import Doomed, LifecycleHook
from steady.service_out.notice import Notice

if TYPE_CHECKING:
    from steady.thresholds import Thresholds


class NoThresholds(ValueError):
    """A cluster has no usable `capacity` parameter; the text says what is needed."""


class Located(NamedTuple):
    """The doomed instances of our clusters, each once, and their container instances as far as they were read."""

    doomed: list[Doomed]
    instances: list[ContainerInstance]


def locate_instances(runtime: Runtime, noticed: Sequence[Notice], continued: Iterable[Doomed] = ()) -> Located:
    """Find the clusters and the container instances of doomed instances.

    Instances of other clusters than ours are left out: nothing is written for them.

    Args:
        noticed: what the batch's notices say.
        continued: the instances that an earlier step has located already.
    """
    found: dict[str, Doomed] = {}
    for doomed in continued:
        found[doomed.instance_id] = _merge(found.get(doomed.instance_id), doomed)
    origins = origins_of(runtime, (n.instance_id for n in noticed if not n.hook)) if noticed else {}
    for notice in noticed:
        origin = _origin_of(notice.hook) if notice.hook else origins.get(notice.instance_id)
        cluster = clusters.find_cluster(runtime, origin) if origin else None
        if cluster is None:
            runtime.telemetry.info(
                f"instance {notice.instance_id} belongs to no managed cluster: its notice is ignored"
            )
            runtime.telemetry.count(MetricName.FOREIGN_NOTICES)
        elif notice.recommended and _thresholds(runtime, cluster).on_rebalance != "drain":
            runtime.telemetry.count(MetricName.RECOMMENDATIONS_IGNORED, cluster=cluster)
        else:
            doomed = _with_deadline(runtime, notice, cluster)
            found[notice.instance_id] = _merge(found.get(notice.instance_id), doomed)
    return _registered(runtime, found.values())


def by_cluster(doomed: Iterable[Doomed]) -> dict[str, list[Doomed]]:
    """Group `doomed` by cluster."""
    found: dict[str, list[Doomed]] = {}
    for instance in doomed:
        found.setdefault(instance.cluster, []).append(instance)
    return found


def _origin_of(hook: LifecycleHook) -> Origin:
    return Origin(PoolName(PoolKind.AUTO_SCALING_GROUP, hook.group))


def _thresholds(runtime: Runtime, cluster: str) -> Thresholds:
    # Imported here, since only recommendations need thresholds: other notices do not wait for the import.
    from steady.aws.settings import cluster_settings
    from steady.thresholds import BadThreshold

    try:
        return cluster_settings.read_cluster(runtime, cluster, cluster_settings.BURST_MAX_AGE_S).thresholds
    except BadThreshold as error:
        raise NoThresholds(str(error)) from error


def _with_deadline(runtime: Runtime, notice: Notice, cluster: str) -> Doomed:
    if notice.recommended:
        deadline_s = notice.at + _thresholds(runtime, cluster).rebalance_deadline_seconds
        return Doomed(notice.instance_id, cluster, deadline_s, noticed_at=notice.at)
    if notice.hook is None or notice.deadline_s is not None:
        deadline_s = notice.at if notice.deadline_s is None else notice.deadline_s
        return Doomed(notice.instance_id, cluster, deadline_s, hook=notice.hook, noticed_at=notice.at, gone=notice.gone)
    timeouts = read_timeouts(runtime, notice.hook)
    hook = replace(notice.hook, heartbeat_s=timeouts.heartbeat_s, beat_at=notice.at)
    return Doomed(notice.instance_id, cluster, notice.at + timeouts.global_s, hook=hook, noticed_at=notice.at)


def _merge(one: Doomed | None, other: Doomed) -> Doomed:
    """Merge two messages about one instance: the earlier deadline, and the lifecycle hook if one names it."""
    if one is None:
        return other
    return replace(
        one,
        deadline_s=min(one.deadline_s, other.deadline_s),
        container_instance_arn=one.container_instance_arn or other.container_instance_arn,
        hook=one.hook or other.hook,
        noticed_at=max(one.noticed_at, other.noticed_at),
        gone=one.gone or other.gone,
    )


def _registered(runtime: Runtime, doomed: Iterable[Doomed]) -> Located:
    """Find the container instance of each that has registered with its cluster and is not known yet."""
    found = Located([], [])
    for cluster, in_cluster in by_cluster(doomed).items():
        unknown = [d.instance_id for d in in_cluster if not d.container_instance_arn]
        instances = find_instances(runtime, cluster, unknown) if unknown else {}
        found.instances.extend(instances.values())
        found.doomed.extend(
            replace(d, container_instance_arn=instances[d.instance_id].arn) if d.instance_id in instances else d
            for d in in_cluster
        )
    return found
