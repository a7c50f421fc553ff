"""The managed clusters: as the commands find them, and `steady clusters`, which lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Table

from cli.account import ProfileOption, RegionOption, aws_errors, runtime
from cli.output import JsonOption, one_line, say, show_table, write_json
from steady.aws.capacity import pools
from steady.aws.capacity.kind import NoSuchPool
from steady.aws.runtime import Runtime, batches
from steady.aws.settings import parameters
from steady.pools import Pool
from steady.scaling.pool import Bounds
from steady.settings import ClusterSettings
from steady.thresholds import BadThreshold, Thresholds

# ECS: how many clusters one DescribeClusters takes.
CLUSTERS_A_DESCRIBE = 100
# What a command says that is for all clusters, where there is none.
ADD_ONE = f"{parameters.NO_CLUSTERS}: add a row to cdk.json and deploy (docs/clusters.md)"


def settings_of(aws: Runtime, cluster: str) -> ClusterSettings:
    """Return the pool and the thresholds of `cluster`.

    Raises:
        NotManaged: if there is no such managed cluster. The text names those that there are.
        BadThreshold: if its `capacity` parameter is wrong.
    """
    parameters.list_managed_clusters(aws, [cluster])
    return parameters.read_settings(aws, cluster)


def bounds_of(pool: Pool, thresholds: Thresholds) -> dict[str, int]:
    """Return the `minimum` and the `maximum` that the pool and the thresholds set together, in the pool's units."""
    bounds = Bounds.of_pool(pool, thresholds)
    return {"minimum": bounds.minimum, "maximum": bounds.maximum}


def pools_there(aws: Runtime, settings: ClusterSettings) -> tuple[dict[str, Pool], dict[str, str]]:
    """Return the cluster's pools, by name, and of those that are gone the reason. The functions scale the others, too.

    Raises:
        NoSuchPool: if none of them is there.
    """
    found: dict[str, Pool] = {}
    gone: dict[str, NoSuchPool] = {}
    for one in settings.pools:
        try:
            found[one.name] = pools.read_pool(aws, one.pool)
        except NoSuchPool as error:
            gone[one.name] = error
    if gone and not found:
        raise next(iter(gone.values()))
    return found, {name: str(error) for name, error in gone.items()}


def clusters(profile: ProfileOption = None, region: RegionOption = None, json_: JsonOption = None) -> None:
    """List the managed clusters: the pool of each, its target and bounds, its instances and tasks.

    A cluster that cannot be read is listed with the reason.

    Exit code 1: AWS refused a call.
    """
    aws = runtime(profile, region)
    with aws_errors():
        found = list_clusters(aws)
    write_json(found, json_)
    if json_ == "-":
        return
    if found:
        show_table(_table(found))
    else:
        say(ADD_ONE)


def list_clusters(aws: Runtime) -> list[dict[str, Any]]:
    """Return a row for each managed cluster, by name. `problem` is empty, or says why a row has no more than a name."""
    names = parameters.list_managed_clusters(aws)
    in_ecs: dict[str, Any] = {}
    for batch in batches(names, CLUSTERS_A_DESCRIBE):
        in_ecs |= {c["clusterName"]: c for c in aws.ecs.describe_clusters(clusters=batch)["clusters"]}
    return [_row(aws, name, in_ecs.get(name)) for name in names]


def _row(aws: Runtime, cluster: str, in_ecs: Mapping[str, Any] | None) -> dict[str, Any]:
    row: dict[str, Any] = {"cluster": cluster, "problem": ""}
    if in_ecs is None or in_ecs["status"] != "ACTIVE":
        row["problem"] = "ECS has no such cluster"
        return row
    row |= {
        "instances": in_ecs["registeredContainerInstancesCount"],
        "running": in_ecs["runningTasksCount"],
        "pending": in_ecs["pendingTasksCount"],
        "services": in_ecs["activeServicesCount"],
    }
    try:
        settings = parameters.read_settings(aws, cluster)
        read, gone = pools_there(aws, settings)
    except (BadThreshold, NoSuchPool, ClientError, BotoCoreError) as error:
        row["problem"] = one_line(str(error))
        return row
    row |= {
        "mode": settings.thresholds.mode,
        **_of_pools(settings, read),
        "problem": "; ".join([*settings.problems, *(f"pool {name}: {why}" for name, why in gone.items())]),
    }
    return row


def _of_pools(settings: ClusterSettings, read: Mapping[str, Pool]) -> dict[str, Any]:
    """Return what a cluster's row says of its pool; of several, a row in `pools` for each that is there."""
    there = [one for one in settings.pools if one.name in read]
    rows = [
        {
            "pool": str(pool.name),
            "target": pool.target,
            "held": pool.held,
            **bounds_of(pool, one.thresholds(settings.thresholds)),
        }
        for one in there
        for pool in (read[one.name],)
    ]
    if len(rows) == 1 and not there[0].name:
        return rows[0]
    return {"pools": [{"name": one.name, **row} for one, row in zip(there, rows, strict=True)]}


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table()
    table.add_column("cluster")
    table.add_column("mode")
    table.add_column("pool")
    for name in ("target", "min to max", "held", "instances", "services", "running", "pending"):
        table.add_column(name, justify="right")
    has_problems = any(row["problem"] for row in rows)
    if has_problems:
        table.add_column("problem", overflow="fold")
    for row in (line for one in rows for line in _lines(one)):
        bounds = f"{row['minimum']} to {row['maximum']}" if "minimum" in row else ""
        cells = [row["cluster"], row.get("mode", ""), row.get("pool", ""), row.get("target", ""), bounds]
        cells += [row.get(name, "") for name in ("held", "instances", "services", "running", "pending")]
        table.add_row(*map(str, cells), *([row["problem"]] if has_problems else []))
    return table


def _lines(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the lines of the table for a cluster: one, and with several pools one more for each."""
    of_pools = row.get("pools", [])
    return [row, *({**one, "cluster": "", "pool": f"{one['name']}: {one['pool']}", "problem": ""} for one in of_pools)]
