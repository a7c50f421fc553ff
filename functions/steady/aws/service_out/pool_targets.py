"""The targets that a pool itself has registered for its instances: a daemon on each instance takes their requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from steady.aws.cache import Cache
from steady.aws.capacity import pools
from steady.aws.runtime import Runtime
from steady.aws.service_out import targets
from steady.aws.service_out.target_groups import read_target_groups
from steady.aws.settings import clusters
from steady.pools import PoolName
from steady.service_out.doomed import Doomed, Target

# The target groups in which each pool registers its instances, by the pool's name.
POOL_GROUPS: Cache[PoolName, tuple[str, ...]] = Cache(max_age_s=60.0)
# Seconds in which such targets are deregistered.
DEREGISTER_FOR_S = 6.0


def leave_pool(runtime: Runtime, cluster: str, doomed: Iterable[Doomed]) -> list[Doomed]:
    """Deregister those of `doomed` that their pool may have registered, and return all with the time of that.

    What cannot be read, or deregistered, is tried again by the next step. Auto Scaling deregisters an instance itself
    before it waits under a hook; nobody does it after another notice.
    """
    doomed = list(doomed)
    asked = {d.instance_id for d in doomed if d.pool_left_at is None and not d.hooks}
    found = instance_targets(runtime, _pools_of(runtime, cluster), sorted(asked)) if asked else None
    if found is None:
        return doomed
    theirs = {target for of_instance in found.values() for target in of_instance}
    refused = targets.deregister(runtime, theirs, runtime.now() + DEREGISTER_FOR_S)
    now = runtime.now()
    left_at = {id_: now if of_instance else 0.0 for id_, of_instance in found.items() if not of_instance & refused}
    return [replace(d, pool_left_at=left_at.get(d.instance_id, d.pool_left_at)) for d in doomed]


def registers_instances(runtime: Runtime, cluster: str) -> bool | None:
    """Return whether a pool of the cluster registers its instances with load balancers; None: that is not known."""
    groups = _groups_of_all(runtime, _pools_of(runtime, cluster))
    return None if groups is None else bool(groups)


def instance_targets(
    runtime: Runtime, of: Sequence[PoolName], instance_ids: Sequence[str]
) -> dict[str, frozenset[Target]] | None:
    """Return the targets that the pools `of` a cluster may have registered for each of `instance_ids`.

    An Auto Scaling group and a Spot Fleet register their instances at the default port of their target groups. To
    deregister an instance where another pool registers its own is no error (ELB API, DeregisterTargets: "If the
    specified target does not exist, the action returns successfully"). A pool that cannot be read has the target groups
    that it had when it was read last; None: one was never read, or there is none. No error is raised.
    """
    arns = _groups_of_all(runtime, of)
    if arns is None:
        return None
    groups = read_target_groups(runtime, arns)
    return {
        instance_id: frozenset(Target(arn, instance_id, group.port) for arn, group in groups.items() if group.port)
        for instance_id in instance_ids
    }


def _pools_of(runtime: Runtime, cluster: str) -> list[PoolName]:
    try:
        named = map(PoolName.parse, clusters.read_capacities(runtime).get(cluster, ()))
    except Exception as error:
        runtime.telemetry.warning(f"cluster {cluster}: its pools cannot be read: {error!r}", cluster=cluster)
        return []
    return [pool for pool in named if pool]


def _groups_of_all(runtime: Runtime, of: Sequence[PoolName]) -> tuple[str, ...] | None:
    found: dict[str, None] = {}
    for pool in of:
        groups = _groups_of(runtime, pool)
        if groups is None:
            return None
        found |= dict.fromkeys(groups)
    return tuple(found) if of else None


def _groups_of(runtime: Runtime, pool: PoolName) -> tuple[str, ...] | None:
    kept = POOL_GROUPS.get(runtime, pool)
    if kept is not None:
        return kept
    try:
        routes = pools.read_routes(runtime, pool)
    except Exception as error:
        runtime.telemetry.warning(f"{pool}: the target groups of its instances cannot be read: {error}")
        return POOL_GROUPS.get(runtime, pool, float("inf"))
    if routes.otherwise:
        runtime.telemetry.warning(
            f"{pool} also registers its instances with {' and '.join(sorted(routes.otherwise))}, where they are not "
            f"deregistered"
        )
    return POOL_GROUPS.keep(runtime, pool, routes.target_groups)
