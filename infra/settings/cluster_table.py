"""The clusters of a target with their pools, and what of them the deployment makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from infra.settings.adopted import AdoptedCluster, parse_thresholds
from infra.settings.checks import REQUIRED, Table, needs, text
from infra.settings.clusters import ClusterOfPools, Clusters, MadeCluster, PlacedPool, RowToMake
from infra.settings.images import BUILT_IN, Image
from infra.settings.made import MadeKind, MadePool
from steady.pools import PoolKind


def _account(given: Any) -> Any:
    return str(given) if type(given) is int and given < 10**12 else given


class ClusterTable(Table):
    """The clusters of an account and a Region ("": the current one), and the images that made pools start from.

    `thresholds` are those of all clusters that differ from the built-in ones.
    """

    account: Annotated[str, text(r"(\d{12})?", "a text of twelve digits"), BeforeValidator(_account)] = ""
    region: Annotated[str, text(r"([a-z]{2}(-[a-z]+)+-\d)?", "a Region such as us-east-1")] = ""
    images: Annotated[
        Mapping[str, Image],
        needs('a table of images, such as {"common": {"parameter": …}},'),
        AfterValidator(lambda own: {**BUILT_IN, **own}),
    ] = BUILT_IN
    clusters: Clusters = REQUIRED
    thresholds: Annotated[Mapping[str, str], PlainValidator(parse_thresholds)] = Field(default={})

    @property
    def made(self) -> tuple[RowToMake, ...]:
        """Return the rows of which the deployment makes the cluster, or a pool: each has a stack of its own."""
        return tuple(c for c in self.clusters if not isinstance(c, AdoptedCluster) and (c.is_made or c.made_pools))

    @property
    def made_pools(self) -> tuple[PlacedPool, ...]:
        """Return the pools that the deployment makes, each in its cluster."""
        return tuple(pool for c in self.made for pool in c.made_pools)

    @property
    def has_spot(self) -> bool:
        """Whether Spot Instances are made."""
        return any(pool.made.kind is not MadeKind.ON_DEMAND for pool in self.made_pools)

    def zones_of(self, cluster: str) -> tuple[str, ...]:
        """Return the zones of the instances of `cluster`; nothing if some of these come from a pool that exists."""
        [row] = [c for c in self.clusters if c.name == cluster]
        if isinstance(row, AdoptedCluster) or row.adopted_pools:
            return ()
        if isinstance(row, MadeCluster):
            return row.zones
        return tuple(sorted({zone for pool in row.made_pools for zone in pool.made.zones}))

    def adopted_pools(self, kind: PoolKind) -> list[str]:
        """List the names of the adopted pools of `kind`."""
        return [one.pool.name for c in self.clusters for one in c.adopted_pools if one.pool.kind is kind]

    @property
    def several_pools(self) -> Mapping[str, list[str]]:
        """Return the names of the pools of each cluster with several."""
        return {c.name: [one.name for one in c.several] for c in self.clusters if isinstance(c, ClusterOfPools)}

    @property
    def made_groups(self) -> list[str]:
        """List the names of the Auto Scaling groups that are made."""
        return [pool.pool_name.name for pool in self.made_pools if pool.pool_name]

    @property
    def clusters_with_made_fleets(self) -> list[str]:
        """List the names of the clusters for which a Spot Fleet is made as a pool."""
        fleets = (pool.cluster for pool in self.made_pools if not pool.pool_name)
        return list(dict.fromkeys(fleets))

    @property
    def spot_groups(self) -> list[str]:
        """List the names of the groups that launch Spot Instances, or may: the adopted ones."""
        made = [p.pool_name.name for p in self.made_pools if p.pool_name and p.made.kind is not MadeKind.ON_DEMAND]
        return [*self.adopted_pools(PoolKind.AUTO_SCALING_GROUP), *made]

    @property
    def fitting(self) -> Mapping[str, list[str]]:
        """Return the made groups of on-demand instances that may launch their types in another order, by cluster."""
        rows = (row for row in self.made if {**self.thresholds, **row.thresholds}.get("type_order") == "fitting")
        found = {row.name: [p.group for p in row.made_pools if p.made.kind is MadeKind.ON_DEMAND] for row in rows}
        return {name: groups for name, groups in found.items() if groups}

    def zones_in_rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield each zone of each pool that is made, the name of its cluster, and where it stands."""
        for number, row in enumerate(self.clusters):
            if isinstance(row, MadeCluster):
                yield from ((zone, row.name, "clusters", number, "zones") for zone in row.zones)
            elif isinstance(row, ClusterOfPools):
                for place, pool in enumerate(row.several):
                    at = ("clusters", number, "pools", place, "zones")
                    yield from ((zone, row.name, *at) for zone in (pool.zones if isinstance(pool, MadePool) else ()))
