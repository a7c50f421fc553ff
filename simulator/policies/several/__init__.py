"""Scaling policies of a cluster with several pools: the suite itself, and peers, each by its published formula."""

from collections.abc import Callable, Mapping
from functools import partial

from simulator.policies.peer import Pending
from simulator.policies.several import capacity_providers, cluster_autoscaler, karpenter
from simulator.policies.several.looks import Views

StartWithPools = Callable[[Views, Pending], None]

PEERS: Mapping[str, StartWithPools] = {
    capacity_providers.NAME: capacity_providers.start,
    **{
        f"{cluster_autoscaler.NAME}-{expander}": partial(cluster_autoscaler.start, expander=expander)
        for expander in cluster_autoscaler.EXPANDERS
    },
    karpenter.NAME: karpenter.start,
}
