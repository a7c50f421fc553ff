"""Capacity providers: which of a cluster's are its pools', and so which of its work and instances the pools' are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from steady.aws.cache import Cache
from steady.aws.capacity.pools import KINDS
from steady.aws.runtime import Runtime
from steady.cluster import ContainerInstance
from steady.launch import FARGATE_PROVIDERS, Launch
from steady.pools import PoolName

# Whether a capacity provider (the second) is of a pool (the first). ECS API: a capacity provider keeps its group.
KNOWN = Cache[tuple[str, str], bool](max_age_s=600.0)


class Providers:
    """The capacity providers of a cluster's pools. They are asked for once they are named, and kept for ten minutes.

    Args:
        pools: the pools, each with the ids of its instances, as far as they are known.
        instances: container instances of the cluster: those among them that are members name a capacity provider of
            their pool, also while ECS does not answer.
    """

    def __init__(
        self,
        runtime: Runtime,
        cluster: str,
        pools: Mapping[PoolName, Collection[str]],
        instances: Iterable[ContainerInstance] = (),
    ) -> None:
        self._runtime, self._cluster, self._pools = runtime, cluster, tuple(pools)
        pool_of = {id_: pool for pool, members in pools.items() for id_ in members}
        self._members = frozenset(pool_of)
        # Those that ECS did not describe are not asked for again in this look.
        self._unread: set[tuple[PoolName, str]] = set()
        self._seen = {(pool_of[i.instance_id], i.provider) for i in instances if i.instance_id in pool_of}
        self._named: set[str] = set()

    def ours(self, named: Iterable[str]) -> frozenset[str]:
        """Return those of the capacity providers `named` that are of one of the pools."""
        asked = frozenset(named) - FARGATE_PROVIDERS - {""}
        self._named |= asked
        return frozenset[str]().union(*(self._of(pool, asked) for pool in self._pools))

    def of_pool(self, pool: PoolName) -> frozenset[str]:
        """Return the capacity providers of `pool` among those that were named until now."""
        return self._of(pool, frozenset(self._named))

    def serves(self, launch: Launch) -> bool:
        """Return whether one of the pools may get tasks that run on `launch`."""
        return launch.is_served_by(self.ours(launch.providers))

    def is_shared(self, launch: Launch) -> bool:
        """Return whether no single pool gets all the tasks that run on `launch`."""
        parts = [self._of(pool, launch.providers) for pool in self._pools] if self.serves(launch) else []
        return any(map(launch.is_shared_with, parts))

    def our_instances(self, instances: Sequence[ContainerInstance]) -> tuple[ContainerInstance, ...]:
        """Return `instances` without those of other capacity providers: other groups', and ECS Managed Instances.

        They are not the pools' to count, to empty or to heal. What ECS can place on them it has placed.
        """
        ours = self.ours(i.provider for i in instances)
        return tuple(i for i in instances if not i.provider or i.provider in ours or i.instance_id in self._members)

    def _of(self, pool: PoolName, asked: frozenset[str]) -> frozenset[str]:
        seen = {name for name in asked if (pool, name) in self._seen}
        unseen = sorted(asked - seen)
        unknown = [
            name
            for name in unseen
            if (pool, name) not in self._unread and KNOWN.get(self._runtime, (str(pool), name)) is None
        ]
        if unknown:
            self._read(pool, unknown)
        return frozenset(seen | {name for name in unseen if KNOWN.get(self._runtime, (str(pool), name))})

    def _read(self, pool: PoolName, names: Sequence[str]) -> None:
        try:
            found = KINDS[pool.kind].read_providers(self._runtime, pool, names)
        except Exception as error:
            self._runtime.telemetry.warning(
                f"cluster {self._cluster}: the capacity providers {', '.join(names)} cannot be read, so they are taken "
                f"for others' unless an instance of {pool} names them: {error}",
                cluster=self._cluster,
            )
            self._unread.update((pool, name) for name in names)
            return
        for name in names:
            KNOWN.keep(self._runtime, (str(pool), name), name in found)
