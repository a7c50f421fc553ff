"""The look at a cluster and the calls that all peers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulator.world import SimulatedCluster
from steady.aws.capacity import pools
from steady.aws.runtime import Runtime
from steady.aws.scaling import observation
from steady.aws.settings import cluster_settings
from steady.cluster import Snapshot, TaskShape
from steady.pools import Pool, PoolKind
from steady.thresholds import Thresholds

# Returns the tasks of a cluster that are not placed yet. Kubernetes calls them pending, ECS calls them provisioning.
Pending = Callable[[], list[TaskShape]]


@dataclass(frozen=True)
class Look:
    """One look of a peer at its cluster: what it sees, and the changes that it can make.

    Attributes:
        pending: the tasks that are not placed yet.
    """

    cluster: SimulatedCluster
    runtime: Runtime
    snapshot: Snapshot
    pending: list[TaskShape]
    thresholds: Thresholds

    @property
    def pool(self) -> Pool:
        return self.snapshot.pool

    def within_bounds(self, target: int) -> int:
        """Return `target`, limited to the bounds of the pool and of the thresholds."""
        lowest = max(self.pool.minimum, self.thresholds.min_capacity)
        return max(lowest, min(target, self.pool.maximum, self.thresholds.max_capacity))

    def ask_for(self, target: int) -> None:
        """Set the pool's target, within its bounds. If it falls, the pool chooses which instances to terminate."""
        target = self.within_bounds(target)
        if target != self.pool.target and not self.pool.is_changing:
            _SET_TARGET[self.pool.name.kind](self.runtime, self.pool, target)

    def take(self, instance_ids: list[str]) -> None:
        """Terminate these instances, and lower the target by their number as far as the minimum allows."""
        if instance_ids and not self.pool.is_changing:
            target = self.within_bounds(self.pool.target - len(instance_ids))
            pools.terminate_instances(self.runtime, self.pool, instance_ids, target)


def look_every(
    interval_s: float, name: str, cluster: SimulatedCluster, pending: Pending, step: Callable[[Look], None]
) -> None:
    """Call `step` with a look at `cluster` every `interval_s` seconds. Its calls are counted under `name`."""
    clock, runtime = cluster.world.clock, cluster.world.suite.runtime(name)

    def look() -> None:
        known = cluster_settings.read_cluster(runtime, cluster.name, max_age_s=60)
        snapshot = observation.observe(runtime, known)
        step(Look(cluster, runtime, snapshot, pending(), known.thresholds))

    clock.every(interval_s, lambda: clock.spawn(look))


def _set_fleet_target(runtime: Runtime, pool: Pool, target: int) -> None:
    """Set the target so that the fleet itself terminates excess instances, each with a notice."""
    runtime.ec2.modify_spot_fleet_request(
        SpotFleetRequestId=pool.name.name, TargetCapacity=target, ExcessCapacityTerminationPolicy="default"
    )


# By the kind of pool: how a peer sets a target and leaves the choice of instances to the pool.
_SET_TARGET: Mapping[PoolKind, Callable[[Runtime, Pool, int], None]] = {
    PoolKind.AUTO_SCALING_GROUP: pools.set_target,
    PoolKind.SPOT_FLEET: _set_fleet_target,
}
