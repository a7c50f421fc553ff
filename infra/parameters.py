"""The suite's SSM parameters, each with the pattern that SSM checks a new value against.

The deployment's thresholds have a path of their own: CloudFormation sends a parameter's value again whenever anything
of the parameter changes, so nothing under it may be an operator's.
"""

import json
from collections.abc import Mapping

from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.settings.adopted import AdoptedCluster, ManagedCluster, PoolOfSeveral
from infra.settings.clusters import ClusterOfPools
from steady.names import (
    CAPACITY,
    CLUSTERS_PATH,
    DEPLOYED_CLUSTERS_PATH,
    DEPLOYED_DEFAULTS_PATH,
    LAUNCH_QUEUE_PARAMETER,
    LAUNCHES_PARAMETER,
    LEDGER_PARAMETER,
    POOLS,
)
from steady.pools import PoolName
from steady.settings import ATTRIBUTES
from steady.thresholds import THRESHOLDS

# A group's name may have spaces.
POOL_PATTERN = r"^(auto-scaling-group:\S.*|spot-fleet:sfr-\S+)$"


def add_thresholds(scope: Construct, thresholds: Mapping[str, str]) -> None:
    """Add the parameters of the deployment's thresholds for all clusters."""
    _add(scope, DEPLOYED_DEFAULTS_PATH, thresholds)


def add_ledger(scope: Construct, table: str) -> None:
    """Add the parameter that tells `steady report` the ledger's name."""
    _parameter(scope, LEDGER_PARAMETER, table, r"^\S+$", "The DynamoDB table of the suite's ledger.")


def add_launches(scope: Construct, table: str, queue_url: str) -> None:
    """Add the parameters that tell `steady explain` and `steady run` where the launch queue and its table are."""
    _parameter(scope, LAUNCHES_PARAMETER, table, r"^\S+$", "The DynamoDB table of the launch queue.")
    _parameter(scope, LAUNCH_QUEUE_PARAMETER, queue_url, r"^\S+$", "The URL of the launch queue.")


def add_cluster(scope: Construct, cluster: ManagedCluster, pool: PoolName) -> None:
    """Add the parameters of `cluster`: its pool, and the thresholds of its row."""
    path = f"{CLUSTERS_PATH}/{cluster.name}/capacity"
    _parameter(scope, path, str(pool), POOL_PATTERN, f"What gives {cluster.name} instances.")
    _add(scope, f"{DEPLOYED_CLUSTERS_PATH}/{cluster.name}", cluster.thresholds)


def add_adopted(scope: Construct, cluster: AdoptedCluster | ClusterOfPools) -> None:
    """Add the parameters of what exists: a cluster's pool, or those of its pools that exist.

    Those of pools that are made are in the cluster's own stack, as are the thresholds of a cluster that is made.
    """
    if isinstance(cluster, AdoptedCluster):
        add_cluster(scope, cluster, cluster.pool)
        return
    _add_pools(scope, cluster.name, {one.name: (one, one.pool) for one in cluster.adopted_pools})
    if not cluster.is_made:
        _add(scope, f"{DEPLOYED_CLUSTERS_PATH}/{cluster.name}", cluster.thresholds)


def add_made_pools(scope: Construct, cluster: ClusterOfPools, made: Mapping[str, PoolName]) -> None:
    """Add the parameters of those pools of `cluster` that are made, and its thresholds if it is made, too."""
    pools = {one.name: one for one in cluster.several}
    _add_pools(scope, cluster.name, {name: (pools[name], pool) for name, pool in made.items()})
    if cluster.is_made:
        _add(scope, f"{DEPLOYED_CLUSTERS_PATH}/{cluster.name}", cluster.thresholds)


def _add_pools(scope: Construct, cluster: str, pools: Mapping[str, tuple[PoolOfSeveral, PoolName]]) -> None:
    # Beside a cluster that is named web-pools-spot, the ids of the pool spot of web would be another's.
    place = Construct(scope, f"Pools-{cluster}")
    for pool, (one, capacity) in pools.items():
        path = f"{cluster}/{POOLS}/{pool}"
        description = f"What gives the pool {pool} of {cluster} instances."
        _parameter(place, f"{CLUSTERS_PATH}/{path}/{CAPACITY}", str(capacity), POOL_PATTERN, description)
        if one.attributes:
            description = f"The attributes of instances of the pool {pool} of {cluster}, from cdk.json."
            attributes = f"{DEPLOYED_CLUSTERS_PATH}/{path}/{ATTRIBUTES}"
            _parameter(place, attributes, json.dumps(one.attributes), r"^\{.*\}$", description)
        for name, value in one.parameters.items():
            description = f"The {name} of the pool {pool} of {cluster}, from cdk.json."
            _parameter(place, f"{DEPLOYED_CLUSTERS_PATH}/{path}/{name}", str(value), r"^[0-9]{1,6}$", description)


def _add(scope: Construct, path: str, thresholds: Mapping[str, str]) -> None:
    for name, value in thresholds.items():
        threshold = THRESHOLDS[name]
        meaning = f"{threshold.meaning} An operator's value comes before this one (steady config set)."
        _parameter(scope, f"{path}/{name}", value, threshold.allowed_pattern, meaning)


def _parameter(scope: Construct, name: str, value: str, pattern: str, description: str) -> None:
    ssm.StringParameter(
        scope,
        name.strip("/").replace("/", "-"),
        parameter_name=name,
        string_value=value,
        allowed_pattern=pattern,
        description=description,
    )
