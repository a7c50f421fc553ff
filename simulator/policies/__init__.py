"""Scaling policies: the suite itself, and peers, each by its published formula."""

from collections.abc import Callable, Mapping

from simulator.policies import (
    cluster_autoscaler,
    cookpad_2018,
    ecs_alone,
    escalator,
    karpenter,
    managed_instances,
    managed_scaling,
    reservation_alarms,
    several,
    steady,
)
from simulator.policies.peer import Pending
from simulator.world import SimulatedCluster

Start = Callable[[SimulatedCluster, Pending], None]


class NoSuchPolicy(ValueError):
    """There is no such policy. The text names those that there are."""


# A policy is started once for each cluster. All policies use the suite's service-out: only scaling is compared.
POLICIES: Mapping[str, Start] = {
    **{
        policy.NAME: policy.start
        for policy in (steady, cookpad_2018, managed_scaling, reservation_alarms, escalator, cluster_autoscaler)
    },
    managed_scaling.NAME_TWO_PROVIDERS: managed_scaling.start_two_providers,
    karpenter.KARPENTER.name: karpenter.start,
    karpenter.KARPENTER_ANY_SIZE.name: karpenter.start_any_size,
    managed_instances.NAME: managed_instances.start,
}

# What the suite is held against in a whole: service-out, too, is that of ECS.
WHOLE: Mapping[str, Start] = {ecs_alone.NAME: ecs_alone.start}

# Those that know clusters with several pools; the suite's functions need no start.
WITH_POOLS: Mapping[str, several.StartWithPools] = {steady.NAME: steady.start_with_pools, **several.PEERS}


def named(name: str) -> Start:
    """Return the function that starts the policy `name` on a cluster.

    Raises:
        NoSuchPolicy: if there is no such policy.
    """
    known = {**POLICIES, **WHOLE}
    if name not in known:
        raise NoSuchPolicy(f'"{name}" is no policy: one of {", ".join(known)} is needed')
    return known[name]


def named_for_pools(name: str) -> several.StartWithPools:
    """Return the function that starts the policy `name` on a cluster with several pools.

    Raises:
        NoSuchPolicy: if there is none.
    """
    if name not in WITH_POOLS:
        known = ", ".join(WITH_POOLS)
        raise NoSuchPolicy(f'"{name}" is no policy of a cluster with several pools: one of {known} is needed')
    return WITH_POOLS[name]
