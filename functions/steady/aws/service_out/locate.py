"""Find the cluster, the deadline and the container instance of each instance that a notice names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from steady.aws.capacity.origins import Origin, origins_of
from steady.aws.ecs.container_instances import Found, find_instances
from steady.aws.runtime import Runtime
from steady.aws.service_out.hooks import read_terms
from steady.aws.settings import clusters
from steady.cluster import ContainerInstance, InstanceStatus
from steady.drain_mark import DrainReason
from steady.metrics import MetricName
from steady.pools import PoolKind, PoolName
from steady.service_out.doomed import Doomed
from steady.service_out.marking import lasting_mark, mark_of
from steady.service_out.notice import Notice

if TYPE_CHECKING:
    from steady.thresholds import Thresholds


# A tick sees an instance that waits, and whose notice was lost, within about this many seconds.
SEEN_AFTER_S = 120


class Located(NamedTuple):
    """The doomed instances of our clusters, each once, and why others could not be located now, by their ids."""

    doomed: list[Doomed]
    failed: Mapping[str, Exception]


def locate_instances(runtime: Runtime, noticed: Sequence[Notice]) -> Located:
    """Find the cluster and the deadline of each instance that a notice names.

    Instances of other clusters than ours are left out: nothing is written for them. One that cannot be located now
    concerns no other.
    """
    found: list[Doomed] = []
    failed: dict[str, Exception] = {}
    origins = _Origins(runtime, noticed)
    for notice in noticed:
        # Any exception: an odd notice, hook or parameter must not keep the others from their two minutes.
        try:
            doomed = _locate(runtime, notice, origins)
        except Exception as error:
            failed[notice.instance_id] = error
            continue
        if doomed:
            found.append(doomed)
    return Located(merge_all(found), failed)


def merge_all(doomed: Iterable[Doomed]) -> list[Doomed]:
    """Return `doomed` with each instance once: what several messages say about it is merged."""
    found: dict[str, Doomed] = {}
    for one in doomed:
        known = found.get(one.instance_id)
        found[one.instance_id] = merge(known, one) if known else one
    return list(found.values())


def merge(one: Doomed, other: Doomed) -> Doomed:
    """Merge what two messages say about one instance: the earlier deadline, and every lifecycle hook that holds it.

    Of two notices of one event the newer one counts: AWS Health says so if a change is put off.
    """
    chosen = _nearer(one, other)
    hooks = {(hook.group, hook.name): hook for hook in sorted((*other.hooks, *one.hooks), key=lambda h: bool(h.token))}
    return replace(
        one,
        deadline_s=chosen.deadline_s,
        event=chosen.event,
        container_instance_arn=one.container_instance_arn or other.container_instance_arn,
        stale=one.stale or other.stale,
        hooks=tuple(hook for _, hook in sorted(hooks.items())),
        # A notice that is repeated near its deadline leaves as much time as it did at first.
        noticed_at=max(one.noticed_at, other.noticed_at) if chosen is other else one.noticed_at,
        looked_at=_is_looked_at(one, other),
        in_renewal=one.in_renewal and other.in_renewal,
        deregistered_at=max(one.deregistered_at, other.deregistered_at),
        held=_still_held(one, other),
        pool_left_at=max((at for at in (one.pool_left_at, other.pool_left_at) if at is not None), default=None),
        drain_from=max(one.drain_from, other.drain_from),
        gone=one.gone or other.gone,
        mark=lasting_mark(one.mark, other.mark),
    )


def _is_looked_at(one: Doomed, other: Doomed) -> bool:
    """Return whether a step has looked at the instance. That in which renewal's was has told nobody that it goes."""
    if one.in_renewal == other.in_renewal:
        return one.looked_at or other.looked_at
    return other.looked_at if one.in_renewal else one.looked_at


def _nearer(one: Doomed, other: Doomed) -> Doomed:
    """Return that of the two whose deadline counts."""
    if one.event and one.event == other.event and one.noticed_at != other.noticed_at:
        return max(one, other, key=lambda d: d.noticed_at)
    return other if other.deadline_s < one.deadline_s else one


def _still_held(one: Doomed, other: Doomed) -> tuple[str, ...]:
    """Return the services whose targets are still kept: of two looks, the later one knows of more that have left."""
    looks = [set(d.held) for d in (one, other) if d.looked_at]
    return tuple(sorted(set.intersection(*looks))) if looks else ()


def by_cluster(doomed: Iterable[Doomed]) -> dict[str, list[Doomed]]:
    """Group `doomed` by cluster."""
    found: dict[str, list[Doomed]] = {}
    for instance in doomed:
        found.setdefault(instance.cluster, []).append(instance)
    return found


class Registered(NamedTuple):
    """Doomed instances with their container instances.

    Attributes:
        doomed: with what was found.
        read: the container instances that were read for it.
        unreadable: those of which ECS refused to say whether they have a container instance.
    """

    doomed: list[Doomed]
    read: list[ContainerInstance]
    unreadable: list[Doomed]


def with_container_instances(runtime: Runtime, cluster: str, doomed: Sequence[Doomed]) -> Registered:
    """Find the container instance of each instance that has registered with `cluster` and is not known yet."""
    unknown = [d.instance_id for d in doomed if not d.container_instance_arn]
    found = find_instances(runtime, cluster, unknown) if unknown else Found({})
    stale: dict[str, tuple[str, ...]] = {}
    for one in found.stale:
        stale[one.instance_id] = (*stale.get(one.instance_id, ()), one.arn)
    return Registered(
        [
            _registered(d, found.instances.get(d.instance_id), stale.get(d.instance_id, ()))
            for d in doomed
            if d.instance_id not in found.refused
        ],
        [*found.instances.values(), *found.stale],
        [d for d in doomed if d.instance_id in found.refused],
    )


def _registered(doomed: Doomed, instance: ContainerInstance | None, stale: tuple[str, ...]) -> Doomed:
    """Return `doomed` with what its container instance says of it, and with the `stale` ones."""
    if instance is None:
        return doomed
    found, mark = replace(doomed, container_instance_arn=instance.arn, stale=stale), instance.drain_mark
    is_known = mark and mark.reason is DrainReason.HOOK and not mark.is_over and mark.until > doomed.noticed_at
    is_lost = bool(doomed.hooks) and not any(hook.token for hook in doomed.hooks)
    if mark and is_known and is_lost and instance.status is InstanceStatus.DRAINING:
        # The first notice was read, and its service-out was lost: the mark has the deadline of its hook, of which the
        # notice that found it knows only within a heartbeat. What was merged with it, as the notice of a Spot
        # interruption, may end the instance before.
        is_of_hook = found.is_patient and found.deadline_s >= mark.until - max(h.heartbeat_s for h in doomed.hooks)
        return replace(found, deadline_s=mark.until if is_of_hook else min(found.deadline_s, mark.until), mark=None)
    return found


class _Origins:
    """Where the noticed instances come from: read once, and only when a notice needs it."""

    def __init__(self, runtime: Runtime, noticed: Sequence[Notice]) -> None:
        self._runtime = runtime
        self._ids = [notice.instance_id for notice in noticed]
        self._read: dict[str, Origin] | None = None
        self._error: Exception | None = None
        self._registered: dict[str, list[str]] | None = None

    def of(self, notice: Notice) -> Origin | None:
        """Return the pool of the notice's hook, or else what the tags of its instance say; None: it is gone."""
        if notice.hook:
            group = Origin(PoolName(PoolKind.AUTO_SCALING_GROUP, notice.hook.group))
            try:
                if clusters.find_clusters(self._runtime, group):
                    return group
            except Exception as error:
                # While SSM does not answer: the instance's own tag may name its cluster.
                self._runtime.telemetry.warning(
                    f"the clusters cannot be read: the tag of {notice.instance_id} says which one is its own: {error}"
                )
            # The cluster may have moved to another group: the instances of the old one carry its name.
        return self._all().get(notice.instance_id)

    def _all(self) -> dict[str, Origin]:
        if self._error:
            raise self._error
        if self._read is None:
            try:
                self._read = origins_of(self._runtime, self._ids)
            except Exception as error:
                # Only the first notice waits for the SDK's retries.
                self._error = error
                raise
        return self._read

    def registered_with(self, notice: Notice) -> list[str]:
        """Return the managed clusters with which the notice's instance has registered: ECS knows where EC2 is silent.

        A cluster whose instances cannot be read is left out: none of its instances is found here.
        """
        if self._registered is None:
            self._registered = {}
            for cluster in sorted(clusters.read_capacities(self._runtime)):
                try:
                    for instance_id in find_instances(self._runtime, cluster, self._ids).instances:
                        self._registered.setdefault(instance_id, []).append(cluster)
                except Exception as error:
                    self._runtime.telemetry.warning(
                        f"cluster {cluster}: its instances cannot be read: {error}", cluster=cluster
                    )
        return self._registered.get(notice.instance_id, [])


def _locate(runtime: Runtime, notice: Notice, origins: _Origins) -> Doomed | None:
    candidates = _candidates(runtime, notice, origins)
    if not candidates:
        runtime.telemetry.info(f"instance {notice.instance_id} belongs to no managed cluster: its notice is ignored")
        runtime.telemetry.count(MetricName.FOREIGN_NOTICES)
        return None
    cluster = _registered_with(runtime, notice.instance_id, candidates)
    if notice.recommended and _thresholds(runtime, cluster).on_rebalance != "drain":
        runtime.telemetry.count(MetricName.RECOMMENDATIONS_IGNORED, cluster=cluster)
        return None
    doomed = _with_deadline(runtime, notice, cluster)
    return replace(doomed, mark=mark_of(notice, doomed.deadline_s))


def _candidates(runtime: Runtime, notice: Notice, origins: _Origins) -> list[str]:
    """Return the managed clusters that the notice's instance may be in."""
    try:
        origin = origins.of(notice)
        return clusters.find_clusters(runtime, origin) if origin else []
    except Exception:
        registered = origins.registered_with(notice)
        if not registered:
            # It may not have registered yet: its notice comes again.
            raise
        return registered


def _registered_with(runtime: Runtime, instance_id: str, candidates: Sequence[str]) -> str:
    """Return the cluster of `candidates` with which the instance has registered; the first one if with none."""
    if len(candidates) > 1:
        for cluster in candidates:
            try:
                if find_instances(runtime, cluster, [instance_id]).instances:
                    return cluster
            except Exception as error:
                runtime.telemetry.warning(f"cluster {cluster}: its instances cannot be read: {error}", cluster=cluster)
    return candidates[0]


def _thresholds(runtime: Runtime, cluster: str) -> Thresholds:
    # Imported here, since only recommendations need thresholds: other notices do not wait for the import.
    from steady.aws.settings import cluster_settings

    return cluster_settings.read_cluster(runtime, cluster, cluster_settings.BURST_MAX_AGE_S).thresholds


def _with_deadline(runtime: Runtime, notice: Notice, cluster: str) -> Doomed:
    doomed = Doomed(notice.instance_id, cluster, notice.at, noticed_at=notice.at, gone=notice.gone)
    doomed = replace(doomed, in_renewal=notice.in_renewal)
    if notice.deadline_s is not None:
        return replace(doomed, deadline_s=notice.deadline_s, event=notice.event)
    if notice.recommended:
        return replace(doomed, deadline_s=notice.at + _thresholds(runtime, cluster).rebalance_deadline_seconds)
    terms = read_terms(runtime, notice.hook) if notice.hook else None
    if not notice.hook or not terms:
        # Nothing says when it ends, or its hook was deleted: now.
        return doomed
    # Without a token, nobody has heard when the wait began: nearly a heartbeat timeout ago, at worst. Only for our hook
    # that decides something; for another one it would leave no time at all.
    ago_s = terms.heartbeat_s if terms.is_ours else min(terms.heartbeat_s, SEEN_AFTER_S)
    begun_at = notice.at if notice.hook.token else notice.at - ago_s
    hook = replace(notice.hook, heartbeat_s=terms.heartbeat_s, beat_at=begun_at)
    return replace(doomed, deadline_s=begun_at + terms.lasts_s, hooks=(hook,) if terms.is_ours else ())
