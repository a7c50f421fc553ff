"""The look at a cluster with several pools that all peers share: one look at each pool, all from one moment."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from simulator.policies.node_pool import types_of
from simulator.policies.peer import Look, Pending
from simulator.workload.pool_plan import node_room
from simulator.world import SimulatedCluster
from steady.aws.capacity.kind import PoolIsChanging
from steady.aws.runtime import Runtime
from steady.aws.scaling import observation
from steady.aws.settings import cluster_settings
from steady.cluster import Snapshot, TaskShape
from steady.scaling.room import Room

# A view of a cluster with each of its pools, by the pool's name.
Views = Mapping[str, SimulatedCluster]


@dataclass(frozen=True)
class PoolLook(Look):
    """One look at one pool: its instances alone are in `snapshot`.

    Attributes:
        name: the pool's.
        priority: as its parameter `priority` says.
    """

    name: str = ""
    priority: int = 0

    @property
    def room(self) -> Room:
        """The room on a new instance: of its first type, as long as the market has it."""
        return node_room(types_of(self.cluster.pool)[0]).copy()

    @property
    def instance_type(self) -> str:
        """The type of a new instance."""
        return types_of(self.cluster.pool)[0]

    @property
    def coming(self) -> int:
        """How many of the instances that it is asked for have not registered yet."""
        registered = sum(i.instance_id in self.pool.members for i in self.snapshot.instances)
        return max(0, self.pool.target - registered)

    @property
    def missing(self) -> int:
        """How many of the instances that it is asked for it has not launched."""
        return max(0, self.pool.target - self.pool.held)

    @property
    def headroom(self) -> int:
        """How many more instances its bounds allow."""
        return max(0, self.within_bounds(1_000_000) - self.pool.target)


@dataclass(frozen=True)
class WholeLook:
    """One look at all pools.

    Attributes:
        pending: the tasks that are not placed yet.
    """

    runtime: Runtime
    snapshot: Snapshot
    pending: list[TaskShape]
    pools: tuple[PoolLook, ...]


def look_every(interval_s: float, name: str, views: Views, pending: Pending, step: Callable[[WholeLook], None]) -> None:
    """Call `step` with a look at the cluster every `interval_s` seconds. Its calls are counted under `name`."""
    cluster = next(iter(views.values()))
    clock, runtime = cluster.world.clock, cluster.world.suite.runtime(name)

    def look() -> None:
        known, waiting = cluster_settings.read_cluster(runtime, cluster.name, max_age_s=60), pending()
        whole = observation.with_constraints(runtime, observation.observe(runtime, known), waiting)
        looks = []
        for one in known.pools:
            pool = whole.pools.get(one.name, whole.pool)
            own = tuple(i for i in whole.instances if i.instance_id in pool.members)
            snapshot = replace(whole, pool=pool, instances=own, pools={})
            thresholds = one.thresholds(known.thresholds)
            looks.append(PoolLook(views[one.name], runtime, snapshot, waiting, thresholds, one.name, one.priority))
        with contextlib.suppress(PoolIsChanging):
            step(WholeLook(runtime, whole, waiting, tuple(looks)))

    clock.every(interval_s, lambda: clock.spawn(look))
