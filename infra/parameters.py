"""The suite's SSM parameters, each with the pattern that SSM checks a new value against."""

from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.settings.clusters import ManagedCluster
from steady.names import CLUSTERS_PATH, DEFAULTS_PATH, LEDGER_PARAMETER
from steady.pools import PoolName
from steady.thresholds import THRESHOLDS

POOL_PATTERN = r"^(auto-scaling-group:\S+|spot-fleet:sfr-\S+)$"


def add_defaults(scope: Construct) -> None:
    """Add the parameters of the defaults, one for each threshold."""
    for threshold in THRESHOLDS.values():
        _parameter(
            scope,
            f"{DEFAULTS_PATH}/{threshold.name}",
            str(threshold.default),
            threshold.allowed_pattern,
            f"{threshold.meaning} {threshold.needed}.",
        )


def add_ledger(scope: Construct, table: str) -> None:
    """Add the parameter that tells `steady report` the ledger's name."""
    _parameter(scope, LEDGER_PARAMETER, table, r"^\S+$", "The DynamoDB table of the suite's ledger.")


def add_cluster(scope: Construct, cluster: ManagedCluster, pool: PoolName) -> None:
    """Add the parameters of `cluster`: its pool, and the thresholds that differ from the defaults."""
    where = f"{CLUSTERS_PATH}/{cluster.name}"
    _parameter(scope, f"{where}/capacity", str(pool), POOL_PATTERN, f"What gives {cluster.name} instances.")
    for name, value in cluster.thresholds.items():
        threshold = THRESHOLDS[name]
        _parameter(scope, f"{where}/{name}", value, threshold.allowed_pattern, threshold.meaning)


def _parameter(scope: Construct, name: str, value: str, pattern: str, description: str) -> None:
    ssm.StringParameter(
        scope,
        name.strip("/").replace("/", "-"),
        parameter_name=name,
        string_value=value,
        allowed_pattern=pattern,
        description=description,
    )
