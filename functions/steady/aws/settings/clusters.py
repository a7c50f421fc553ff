"""Which clusters are ours, by the parameters that say what gives each of them capacity.

Apart from the thresholds: the interruption handler, whose start a notice waits for, needs no more than this.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from steady.aws.capacity.origins import Origin
from steady.aws.runtime import Runtime
from steady.names import CAPACITY, CLUSTERS_PATH

if TYPE_CHECKING:
    from mypy_boto3_ssm.type_defs import ParameterTypeDef

# How long the list of clusters is kept by a process: a cluster that is added is served within this.
POOLS_KEPT_S = 60
# A list that could not be read is not asked for again for so long.
ASK_AGAIN_S = 5
UNREADABLE = "why the list of clusters could not be read"


def clusters_by_pool(runtime: Runtime) -> dict[str, str]:
    """Every cluster that the suite manages, by the text of its `capacity` parameter; kept for a minute.

    While SSM does not answer, those that this process has last known, however long ago: which clusters are managed
    changes seldom, and an interruption does not wait.
    """
    kept: tuple[float, dict[str, str]] | None = runtime.known.get(CLUSTERS_PATH)
    if kept and runtime.now() - kept[0] <= POOLS_KEPT_S:
        return kept[1]
    failed: tuple[float, ClientError | BotoCoreError] | None = runtime.known.get(UNREADABLE)
    if failed and runtime.now() - failed[0] <= ASK_AGAIN_S:
        raise failed[1]
    try:
        found = _capacities(runtime)
    except (ClientError, BotoCoreError) as error:
        if kept is None:
            # A batch asks for each of its instances: one that waits out the SDK's tries is enough.
            runtime.known[UNREADABLE] = (runtime.now(), error)
            raise
        runtime.telemetry.error(f"the list of clusters could not be read, and is taken as last known: {error}")
        found = kept[1]
    runtime.known[CLUSTERS_PATH] = (runtime.now(), found)
    return found


def _capacities(runtime: Runtime) -> dict[str, str]:
    pools = {}
    for name, parameter in parameters_under(runtime, CLUSTERS_PATH):
        cluster, _, of_cluster = name.partition("/")
        if of_cluster == CAPACITY:
            pools[parameter["Value"]] = cluster
    return pools


def cluster_of(runtime: Runtime, origin: Origin) -> str | None:
    """The cluster that an instance belongs to, by its pool or else by its own tag; None if it is none of ours.

    While SSM does not answer, and this process has never known the clusters, the tag alone will do.
    """
    try:
        clusters = clusters_by_pool(runtime)
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
        return cluster in clusters_by_pool(runtime).values()
    except (ClientError, BotoCoreError):
        if f"settings of {cluster}" not in runtime.known:
            raise
        return True


def parameters_under(runtime: Runtime, path: str) -> Iterator[tuple[str, ParameterTypeDef]]:
    # SSM: 10 parameters a page (GetParametersByPath)
    pages = runtime.ssm.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True)
    for page in pages:
        for parameter in page["Parameters"]:
            yield parameter["Name"].removeprefix(f"{path}/"), parameter
