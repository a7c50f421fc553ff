"""Capacity providers: which of a cluster's are its pool's, and so which of its work and instances the pool's are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from steady.aws.cache import Cache
from steady.aws.capacity.pools import KINDS
from steady.aws.runtime import Runtime
from steady.cluster import ContainerInstance
from steady.launch import FARGATE_PROVIDERS, Launch
from steady.pools import PoolName

# Whether a capacity provider (the second) is of a pool (the first). ECS API: a capacity provider keeps its group.
KNOWN = Cache[tuple[str, str], bool](max_age_s=600.0)


class Providers:
    """The capacity providers of a pool. They are asked for once they are named, and kept for ten minutes.

    Args:
        members: the ids of the pool's instances, as far as they are known.
        instances: container instances of the cluster: those among them that are members name a capacity provider of
            the pool, also while ECS does not answer.
    """

    def __init__(
        self,
        runtime: Runtime,
        cluster: str,
        pool: PoolName,
        members: Collection[str] = (),
        instances: Iterable[ContainerInstance] = (),
    ) -> None:
        self._runtime, self._cluster, self._pool = runtime, cluster, pool
        self._members = frozenset(members)
        # Those that ECS did not describe are not asked for again in this look.
        self._unread: set[str] = set()
        self._seen = {i.provider for i in instances if i.instance_id in self._members and i.provider}

    def ours(self, named: Iterable[str]) -> frozenset[str]:
        """Return those of the capacity providers `named` that are the pool's."""
        asked = frozenset(named) - FARGATE_PROVIDERS
        seen, unseen = asked & self._seen, sorted(asked - self._seen)
        pool = str(self._pool)
        unknown = [n for n in unseen if n not in self._unread and KNOWN.get(self._runtime, (pool, n)) is None]
        if unknown:
            self._read(unknown)
        return seen | {name for name in unseen if KNOWN.get(self._runtime, (pool, name))}

    def serves(self, launch: Launch) -> bool:
        """Return whether the pool may get tasks that run on `launch`."""
        return launch.is_served_by(self.ours(launch.providers))

    def our_instances(self, instances: Sequence[ContainerInstance]) -> tuple[ContainerInstance, ...]:
        """Return `instances` without those of other capacity providers: other groups', and ECS Managed Instances.

        They are not the pool's to count, to empty or to heal. What ECS can place on them it has placed.
        """
        ours = self.ours({i.provider for i in instances if i.provider})
        return tuple(i for i in instances if not i.provider or i.provider in ours or i.instance_id in self._members)

    def _read(self, names: Sequence[str]) -> None:
        try:
            found = KINDS[self._pool.kind].read_providers(self._runtime, self._pool, names)
        except Exception as error:
            self._runtime.telemetry.warning(
                f"cluster {self._cluster}: the capacity providers {', '.join(names)} cannot be read, so they are taken "
                f"for others' unless an instance of {self._pool} names them: {error}",
                cluster=self._cluster,
            )
            self._unread.update(names)
            return
        for name in names:
            KNOWN.keep(self._runtime, (str(self._pool), name), name in found)
