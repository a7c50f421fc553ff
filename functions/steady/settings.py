"""The settings of a cluster: its pools and its thresholds, as its SSM parameters say."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from steady.pools import POOL_NAMES, PoolName
from steady.thresholds import THRESHOLDS, BadThreshold, Thresholds

# A pool's priority: the highest grows first, as in Kubernetes' cluster-autoscaler (its README, "Priority based
# expander").
LARGEST_PRIORITY = 1000
# Pools of a cluster: the ledger's item keeps the state of each.
MOST_POOLS = 10
# Units of a pool, as a bound of it says them (`steady.thresholds`: max_capacity).
MOST_UNITS = 100_000
# The parameters that a pool may have besides `capacity`.
POOL_PARAMETERS = ("min_capacity", "max_capacity", "priority")
# What a deployment says of a pool besides: the custom attributes of its container instances, as a JSON object.
ATTRIBUTES = "attributes"


@dataclass(frozen=True)
class PoolSettings:
    """The settings of one pool of a cluster.

    Attributes:
        pool: the Auto Scaling group or Spot Fleet.
        name: its name within the cluster; "" for a cluster's only pool.
        own: its own bounds in units, by the name of the threshold in whose place they hold.
        priority: the pool with the highest one grows first, where the threshold `expander` is `priority`.
        attributes: the custom attributes that its instances register with, as far as the deployment says so.
    """

    pool: PoolName
    name: str = ""
    own: Mapping[str, int] = field(default_factory=dict)
    priority: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict)

    def thresholds(self, of_cluster: Thresholds) -> Thresholds:
        """Return the thresholds of the pool: those of its cluster, with its own bounds."""
        return replace(of_cluster, **dict[str, Any](self.own))


@dataclass(frozen=True)
class ClusterSettings:
    """The pools and the thresholds of the cluster `name`, and `problems`: what is wrong with its parameters.

    `grow_only` is whether scale-in is suspended, because the parameters could not be read and may have changed.
    """

    name: str
    pools: tuple[PoolSettings, ...]
    thresholds: Thresholds
    problems: tuple[str, ...] = ()
    grow_only: bool = False

    @property
    def pool_names(self) -> tuple[PoolName, ...]:
        """The groups and fleets of the cluster."""
        return tuple(one.pool for one in self.pools)


def parse_pool(raw: str, path: str) -> PoolName:
    """Return the pool that a `capacity` parameter names.

    >>> str(parse_pool("auto-scaling-group:web", "/steady/clusters/web/capacity"))
    'auto-scaling-group:web'

    Raises:
        BadThreshold: if it is neither `auto-scaling-group:NAME` nor `spot-fleet:sfr-…`.
    """
    pool = PoolName.parse(raw)
    if pool is None:
        raise BadThreshold(f'{path} is "{raw}": {POOL_NAMES} is needed')
    return pool


def parse_pool_parameter(name: str, raw: str, path: str) -> int:
    """Return the value of the parameter `name` of a pool (`POOL_PARAMETERS`).

    >>> parse_pool_parameter("priority", "10", "/steady/clusters/web/pools/spot/priority")
    10

    Raises:
        BadThreshold: naming the parameter `path`, the value, and the range that is needed.
    """
    if name in THRESHOLDS:
        return int(THRESHOLDS[name].parse(raw, path))
    if not raw.isascii() or not raw.isdigit() or int(raw) > LARGEST_PRIORITY:
        raise BadThreshold(f'{path} is "{raw}": a priority from 0 to {LARGEST_PRIORITY} is needed')
    return int(raw)


def parse_attributes(raw: str, path: str) -> dict[str, str]:
    """Return the attributes that the parameter `attributes` of a pool holds.

    >>> parse_attributes('{"pool": "gpu"}', "/steady/deployed/clusters/web/pools/gpu/attributes")
    {'pool': 'gpu'}

    Raises:
        BadThreshold: if it is no JSON object of texts.
    """
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise BadThreshold(f'{path} is "{raw}": a JSON object of attributes such as {{"pool": "gpu"}} is needed')
    return found
