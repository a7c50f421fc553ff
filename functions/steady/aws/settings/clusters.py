"""Which clusters are ours, by the parameters that say what gives each of them capacity.

Apart from the thresholds: the interruption handler, whose start a notice waits for, needs no more than this.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from steady.aws.cache import Cache
from steady.aws.capacity.origins import Origin
from steady.aws.runtime import Runtime
from steady.names import CAPACITY, CLUSTERS_PATH

if TYPE_CHECKING:
    from mypy_boto3_ssm.type_defs import ParameterTypeDef

    from steady.thresholds import ClusterSettings

# The name of every cluster, by its pool. A cluster that is added is served within this time.
CLUSTERS_BY_POOL = Cache[str, dict[str, str]](max_age_s=60)
# Why the parameters under a path could not be read: they are not asked for again within this time.
FAILURES = Cache[str, ClientError | BotoCoreError](max_age_s=5)
# A cluster's settings, by its name (steady.aws.settings.cluster_settings). While SSM does not answer they hold for this
# long; after that the cluster stands still.
SETTINGS: Cache[str, ClusterSettings] = Cache(max_age_s=3600)


def read_clusters_by_pool(runtime: Runtime) -> dict[str, str]:
    """Every cluster that the suite manages, by the text of its `capacity` parameter; kept for a minute.

    While SSM does not answer, those that this process has last known, however long ago: which clusters are managed
    changes seldom, and an interruption does not wait.
    """
    kept = CLUSTERS_BY_POOL.get(runtime, CLUSTERS_PATH)
    if kept is not None:
        return kept
    if failed := FAILURES.get(runtime, CLUSTERS_PATH):
        raise failed
    try:
        found = _capacities(runtime)
    except (ClientError, BotoCoreError) as error:
        last_known = CLUSTERS_BY_POOL.get(runtime, CLUSTERS_PATH, math.inf)
        if last_known is None:
            # A batch asks for each of its instances: one that waits out the SDK's tries is enough.
            FAILURES.keep(runtime, CLUSTERS_PATH, error)
            raise
        runtime.telemetry.error(f"the list of clusters could not be read, and is taken as last known: {error}")
        found = last_known
    return CLUSTERS_BY_POOL.keep(runtime, CLUSTERS_PATH, found)


def _capacities(runtime: Runtime) -> dict[str, str]:
    pools = {}
    for name, parameter in list_parameters(runtime, CLUSTERS_PATH):
        cluster, _, of_cluster = name.partition("/")
        if of_cluster == CAPACITY:
            pools[parameter["Value"]] = cluster
    return pools


def find_cluster(runtime: Runtime, origin: Origin) -> str | None:
    """The cluster that an instance belongs to, by its pool or else by its own tag; None if it is none of ours.

    While SSM does not answer, and this process has never known the clusters, the tag alone will do.
    """
    try:
        clusters = read_clusters_by_pool(runtime)
    except (ClientError, BotoCoreError):
        if not origin.cluster:
            raise
        return origin.cluster
    if origin.pool and str(origin.pool) in clusters:
        return clusters[str(origin.pool)]
    # A fleet that CloudFormation has replaced is nobody's pool any more, and still has instances.
    return origin.cluster if origin.cluster in clusters.values() else None


def is_managed(runtime: Runtime, cluster: str) -> bool:
    """Whether `cluster` is one of ours. While SSM does not answer, what is known of its settings says so, too.

    Raises:
        ClientError, BotoCoreError: if nobody knows.
    """
    try:
        return cluster in read_clusters_by_pool(runtime).values()
    except (ClientError, BotoCoreError):
        if SETTINGS.get(runtime, cluster, math.inf) is None:
            raise
        return True


def list_parameters(runtime: Runtime, path: str) -> Iterator[tuple[str, ParameterTypeDef]]:
    # SSM: 10 parameters a page (GetParametersByPath)
    pages = runtime.ssm.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
    for page in pages:
        for parameter in page["Parameters"]:
            yield parameter["Name"].removeprefix(f"{path}/"), parameter
