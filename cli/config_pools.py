"""The settings of a cluster's pools, as `steady config` shows and sets them: `POOL/NAME=VALUE`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from steady.aws.runtime import Runtime
from steady.aws.settings import parameters
from steady.names import CLUSTERS_PATH, POOLS
from steady.settings import POOL_PARAMETERS, ClusterSettings, parse_pool_parameter
from steady.thresholds import BadThreshold

# As parameters of pools are stored: a whole number.
PATTERN = r"^[0-9]{1,6}$"

# The values of each pool, by the pool's name.
Wanted = Mapping[str, Mapping[str, int]]


def pool_rows(settings: ClusterSettings) -> list[dict[str, Any]]:
    """Return a row for each pool of a cluster with several; none for a cluster with one."""
    return [
        {
            "name": one.name,
            "capacity": str(one.pool),
            "min_capacity": one.thresholds(settings.thresholds).min_capacity,
            "max_capacity": one.thresholds(settings.thresholds).max_capacity,
            "priority": one.priority,
        }
        for one in settings.pools
        if one.name
    ]


def pools_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Return the table of the pools' settings."""
    table = Table(title="pools")
    for name in ("name", "capacity", *POOL_PARAMETERS):
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(row[name]) for name in ("name", "capacity", *POOL_PARAMETERS)))
    return table


def split(given: Iterable[str], cluster: str) -> tuple[list[str], Wanted]:
    """Return those of the texts `given` that are about the cluster, and the values of those that are about pools.

    Raises:
        BadThreshold: if a pool has no such setting, or its value is wrong.
    """
    of_cluster: list[str] = []
    wanted: dict[str, dict[str, int]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        pool, slash, what = name.partition("/")
        if not slash or not equals:
            of_cluster.append(text)
            continue
        if not cluster or what not in POOL_PARAMETERS:
            needed = f"one of {', '.join(f'{pool}/{one}' for one in POOL_PARAMETERS)} of a cluster is needed"
            raise BadThreshold(f'"{name}" is no setting of a pool: {needed}')
        wanted.setdefault(pool, {})[what] = parse_pool_parameter(what, value, _path(cluster, pool, what))
    return of_cluster, wanted


def change(aws: Runtime, cluster: str, wanted: Wanted) -> list[dict[str, Any]]:
    """Set the values of pools; return each with its value before.

    Raises:
        BadThreshold: if the cluster has no such pool, or a minimum is over its maximum. Nothing is written then.
    """
    settings = parameters.read_settings(aws, cluster)
    rows = {row["name"]: row for row in pool_rows(settings)}
    for pool, values in wanted.items():
        if pool not in rows:
            needed = f"one of {', '.join(rows)} is needed" if rows else "it has one pool, whose thresholds are its own"
            raise BadThreshold(f'cluster {cluster} has no pool "{pool}": {needed}')
        after = {**rows[pool], **values}
        if after["min_capacity"] > after["max_capacity"]:
            raise BadThreshold(
                f"{_path(cluster, pool, 'min_capacity')} is {after['min_capacity']} and max_capacity is "
                f"{after['max_capacity']}: the first must not be over the second; set both, in one command"
            )
    changed = []
    for pool, values in wanted.items():
        for name, value in values.items():
            path = _path(cluster, pool, name)
            parameters.put_value(aws, path, value, PATTERN, f"The {name} of the pool {pool} of {cluster}.")
            changed.append({"path": path, "before": rows[pool][name], "after": value})
    return changed


def _path(cluster: str, pool: str, name: str) -> str:
    return f"{CLUSTERS_PATH}/{cluster}/{POOLS}/{pool}/{name}"
