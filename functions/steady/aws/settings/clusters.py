"""Find the managed clusters by the `capacity` parameters of their pools.

This module does not import the thresholds: the interruption handler needs only this, and its start delays a notice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from steady.aws.cache import Cache
from steady.aws.capacity.origins import Origin
from steady.aws.runtime import Runtime
from steady.names import CAPACITY, CLUSTERS_PATH, POOLS

if TYPE_CHECKING:
    from mypy_boto3_ssm.type_defs import ParameterTypeDef

    from steady.settings import ClusterSettings

# The `capacity` parameters of every managed cluster, by its name. A new cluster is known after this time at the latest.
CAPACITIES = Cache[str, dict[str, tuple[str, ...]]](max_age_s=60)
# The clusters that have a parameter and no row in cdk.json, and that the log has named.
LEFT_ALONE = Cache[str, bool]()
# Why the parameters under a path could not be read; they are not read again within this time.
FAILURES = Cache[str, Exception](max_age_s=5)
# A cluster's settings, by its name (steady.aws.settings.cluster_settings). While SSM does not answer, they are used for
# this time; after that the cluster is not scaled.
SETTINGS: Cache[str, ClusterSettings] = Cache(max_age_s=3600)


def read_capacities(runtime: Runtime) -> dict[str, tuple[str, ...]]:
    """Return the texts of the `capacity` parameters of every managed cluster, by name; read at most once a minute.

    A cluster has one pool, or several with one such parameter each. A cluster that the deployment does not have is
    none, even if it has a parameter.

    While SSM does not answer, the clusters are those that this process has last read, however long ago: the set of
    clusters changes seldom, and an interruption does not wait.

    Raises:
        Exception: the one that stopped the read, if this process has never read the clusters.
    """
    kept = CAPACITIES.get(runtime, CLUSTERS_PATH)
    if kept is not None:
        return kept
    if failed := FAILURES.get(runtime, CLUSTERS_PATH):
        raise failed
    try:
        found = _capacities(runtime)
    except Exception as error:
        last_known = CAPACITIES.get(runtime, CLUSTERS_PATH, math.inf)
        if last_known is None:
            # A batch asks for each of its instances: only the first one waits for the SDK's retries.
            FAILURES.keep(runtime, CLUSTERS_PATH, error)
            raise
        runtime.telemetry.error(
            f"SSM parameters unreadable: the last known list of {len(last_known)} managed clusters is used: {error}"
        )
        found = last_known
    return CAPACITIES.keep(runtime, CLUSTERS_PATH, _served(runtime, found))


def _served(runtime: Runtime, found: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return those of the clusters `found` that the deployment has.

    A cluster whose row was taken out of cdk.json keeps its stack and its parameter, but the functions have no rights
    for it: each call would be refused, and its messages would be sent again and again. The log names it once a process.
    """
    left = {name for name in found if _is_left(runtime, name)}
    for name in sorted(left):
        if not LEFT_ALONE.get(runtime, name):
            runtime.telemetry.warning(
                f"cluster {name} has the parameter {CLUSTERS_PATH}/{name}/{CAPACITY}, but cdk.json has no row for it: "
                "it is left alone. Put its row back, or remove it (docs/cluster-removal.md)",
                cluster=name,
            )
            LEFT_ALONE.keep(runtime, name, True)
    return {name: capacities for name, capacities in found.items() if name not in left}


def _is_left(runtime: Runtime, cluster: str) -> bool:
    """Return whether the deployment does not have `cluster`, so that it is left alone."""
    return runtime.clusters is not None and cluster not in runtime.clusters


def _capacities(runtime: Runtime) -> dict[str, tuple[str, ...]]:
    found: dict[str, str] = {}
    of_pools: dict[str, tuple[str, ...]] = {}
    for name, parameter in list_parameters(runtime, CLUSTERS_PATH):
        match name.split("/"):
            case [cluster, what] if what == CAPACITY:
                found[cluster] = parameter["Value"]
            case [cluster, pools, _, what] if (pools, what) == (POOLS, CAPACITY):
                of_pools[cluster] = (*of_pools.get(cluster, ()), parameter["Value"])
    # A cluster with a `capacity` of its own has that pool alone (steady.aws.settings.pool_parameters).
    return of_pools | {cluster: (capacity,) for cluster, capacity in found.items()}


def find_clusters(runtime: Runtime, origin: Origin) -> list[str]:
    """Return the managed clusters that an instance may be in, by its pool or else by its own tag; none: it is not ours.

    There is more than one only where several clusters name one pool, and the tag does not say which of them it is.
    While SSM does not answer, and this process has never read the clusters, the tag alone decides.
    """
    try:
        capacities = read_capacities(runtime)
    except Exception:
        if not origin.cluster:
            raise
        return [] if _is_left(runtime, origin.cluster) else [origin.cluster]
    of_pool = sorted(name for name, every in capacities.items() if origin.pool and str(origin.pool) in every)
    if origin.cluster in of_pool:
        return [origin.cluster]
    # A fleet that CloudFormation has replaced is no pool of a cluster any more, but still has instances.
    return of_pool or [name for name in (origin.cluster,) if name in capacities]


def is_managed(runtime: Runtime, cluster: str) -> bool:
    """Return whether `cluster` is managed. While SSM does not answer, one whose settings were ever read is.

    Raises:
        Exception: the one that stopped the read, if this process has never read the cluster's settings.
    """
    try:
        return cluster in read_capacities(runtime)
    except Exception:
        if SETTINGS.get(runtime, cluster, math.inf) is None:
            raise
        return True


def list_parameters(runtime: Runtime, path: str) -> Iterator[tuple[str, ParameterTypeDef]]:
    """Yield the parameters under `path`, each with its name relative to `path`."""
    # SSM: 10 parameters a page (GetParametersByPath)
    pages = runtime.ssm.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
    for page in pages:
        for parameter in page["Parameters"]:
            yield parameter["Name"].removeprefix(f"{path}/"), parameter
