"""The managed clusters, as the commands find them."""

from __future__ import annotations

from steady.aws.runtime import Runtime
from steady.aws.settings import parameters
from steady.thresholds import ClusterSettings


def settings_of(aws: Runtime, cluster: str) -> ClusterSettings:
    """Return the pool and the thresholds of `cluster`.

    Raises:
        NotManaged: if there is no such managed cluster. The text names those that there are.
        BadThreshold: if its `capacity` parameter is wrong.
    """
    parameters.list_managed_clusters(aws, [cluster])
    return parameters.read_settings(aws, cluster)
