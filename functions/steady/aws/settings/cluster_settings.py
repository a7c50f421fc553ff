"""Read the settings of a cluster: its pool and its thresholds, as its SSM parameters say."""

from __future__ import annotations

from dataclasses import replace

from steady.aws.runtime import Runtime
from steady.aws.settings import parameters
from steady.aws.settings.clusters import SETTINGS
from steady.metrics import MetricName
from steady.settings import ClusterSettings

# Rebalance recommendations and RunTask failures come in bursts of many batches: each batch may use settings that are
# this old, so that not each batch reads them.
BURST_MAX_AGE_S = 30.0


def read_cluster(runtime: Runtime, name: str, max_age_s: float = 0.0) -> ClusterSettings:
    """Return the cluster's pool and thresholds. A bad parameter is logged and counted, and does not stop the cluster.

    While SSM does not answer, the settings are those that this process has last read, and scale-in is suspended.

    Args:
        max_age_s: how old the settings may be, in seconds. A tick reads them anew, so that a change takes effect at the
            next tick.

    Raises:
        BadThreshold: if the cluster has no usable `capacity` parameter.
        Exception: the one that stopped the read, if this process has read no settings within the last hour.
    """
    if kept := SETTINGS.get(runtime, name, max_age_s):
        return kept
    try:
        found = parameters.read_settings(runtime, name)
    except Exception as error:
        runtime.telemetry.count(MetricName.PARAMETERS_UNREADABLE, cluster=name)
        last_known = SETTINGS.get(runtime, name)
        if last_known is None:
            raise
        runtime.telemetry.error(
            f"cluster {name}: SSM parameters unreadable: the last known thresholds are used for up to "
            f"{SETTINGS.max_age_s / 60:.0f} min and scale-in is suspended until SSM answers: {error}",
            cluster=name,
        )
        return replace(last_known, grow_only=True)
    for problem in found.problems:
        runtime.telemetry.error(problem, cluster=name)
    runtime.telemetry.count(MetricName.BAD_THRESHOLDS, len(found.problems), name)
    return SETTINGS.keep(runtime, name, found)
