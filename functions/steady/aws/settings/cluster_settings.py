"""What a function knows of a cluster before it looks at it: whether it is ours, its pool and its thresholds.

Apart from what decides: the interruption handler, whose start a notice waits for, needs no more than this.
"""

from __future__ import annotations

from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from steady.aws.runtime import Runtime
from steady.aws.settings import parameters
from steady.aws.settings.clusters import SETTINGS
from steady.metrics import MetricName
from steady.thresholds import ClusterSettings

# Rebalance recommendations and RunTask failures come in bursts of many batches: each batch may use settings that are
# this old, so that not each batch reads them.
BURST_MAX_AGE_S = 30.0


def read_cluster(runtime: Runtime, name: str, max_age_s: float = 0.0) -> ClusterSettings:
    """The cluster's pool and thresholds; what is wrong with a parameter is logged and counted, and does not stop it.

    Args:
        max_age_s: how old they may be; a tick reads them anew, so that a change holds at the next one.

    While SSM does not answer, they are what this process has last known of them, and nothing is scaled in.

    Raises:
        BadThreshold: if the cluster has no usable `capacity` parameter.
        ClientError, BotoCoreError: if SSM does not answer, and what was known is too old or nothing.
    """
    if kept := SETTINGS.get(runtime, name, max_age_s):
        return kept
    try:
        found = parameters.read_settings(runtime, name)
    except (ClientError, BotoCoreError) as error:
        runtime.telemetry.count(MetricName.PARAMETERS_UNREADABLE, cluster=name)
        last_known = SETTINGS.get(runtime, name)
        if last_known is None:
            raise
        runtime.telemetry.error(
            f"cluster {name}: SSM unavailable: the last known parameters are used, and scale-in is suspended until it "
            f"answers: {error}",
            cluster=name,
        )
        return replace(last_known, grow_only=True)
    for problem in found.problems:
        runtime.telemetry.error(problem, cluster=name)
    runtime.telemetry.count(MetricName.BAD_THRESHOLDS, len(found.problems), name)
    return SETTINGS.keep(runtime, name, found)
