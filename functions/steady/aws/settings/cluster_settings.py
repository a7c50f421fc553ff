"""What a function knows of a cluster before it looks at it: whether it is ours, its pool and its thresholds.

Apart from what decides: the interruption handler, whose start a notice waits for, needs no more than this.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from botocore.exceptions import BotoCoreError, ClientError

from steady.aws.runtime import Runtime
from steady.aws.settings import parameters
from steady.pools import PoolName
from steady.thresholds import Thresholds

# While SSM does not answer, thresholds are as they were last known for so long; after that the cluster stands still.
LAST_KNOWN_S = 3600.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """What an evaluation needs to know of a cluster, besides what it sees.

    `grow_only` is whether no capacity may be taken away: what is known of it may not hold any more.
    """

    name: str
    pool: PoolName
    thresholds: Thresholds
    problems: tuple[str, ...] = ()
    grow_only: bool = False


def cluster_named(runtime: Runtime, name: str, max_age_s: float = 0.0) -> Cluster:
    """The cluster's pool and thresholds; what is wrong with a parameter is logged and counted, and does not stop it.

    Args:
        max_age_s: how old they may be; a tick reads them anew, so that a change holds at the next one.

    While SSM does not answer, they are what this process has last known of them, and nothing is scaled in.

    Raises:
        BadThreshold: if the cluster has no usable `capacity` parameter.
        ClientError, BotoCoreError: if SSM does not answer, and what was known is too old or nothing.
    """
    kept: tuple[float, Cluster] | None = runtime.known.get(f"settings of {name}")
    if kept and runtime.now() - kept[0] < max_age_s:
        return kept[1]
    try:
        found = parameters.settings_of(runtime, name)
    except (ClientError, BotoCoreError) as error:
        runtime.telemetry.count("ParametersUnreadable", cluster=name)
        if kept is None or runtime.now() - kept[0] > LAST_KNOWN_S:
            raise
        runtime.telemetry.error(f"its parameters are taken as last known, and it only grows: {error}", cluster=name)
        return replace(kept[1], grow_only=True)
    for problem in found.problems:
        runtime.telemetry.error(problem, cluster=name)
    runtime.telemetry.count("BadThresholds", len(found.problems), name)
    cluster = Cluster(name, found.pool, found.thresholds, found.problems)
    runtime.known[f"settings of {name}"] = (runtime.now(), cluster)
    return cluster
