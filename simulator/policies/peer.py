"""What the peers' policies share: a look at the cluster at intervals, and the calls that apply their decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulator.world import SimulatedCluster
from steady.aws.capacity import pools
from steady.aws.runtime import Runtime
from steady.aws.scaling import observation
from steady.aws.settings import cluster_settings
from steady.cluster import Snapshot, TaskShape
from steady.pools import Pool, PoolKind
from steady.thresholds import Thresholds

# The tasks of a cluster that found no place yet: what Kubernetes calls pending, and ECS provisioning.
Pending = Callable[[], list[TaskShape]]


@dataclass(frozen=True)
class Look:
    """One look of a peer: what it sees, and what it may do."""

    cluster: SimulatedCluster
    runtime: Runtime
    snapshot: Snapshot
    pending: list[TaskShape]
    thresholds: Thresholds

    @property
    def pool(self) -> Pool:
        return self.snapshot.pool

    def within_bounds(self, target: int) -> int:
        lowest = max(self.pool.minimum, self.thresholds.min_capacity)
        return max(lowest, min(target, self.pool.maximum, self.thresholds.max_capacity))

    def ask_for(self, target: int) -> None:
        """Sets the target, and lets the pool choose what goes: a fleet takes instances back with a notice."""
        target = self.within_bounds(target)
        if target == self.pool.target:
            return
        if self.pool.name.kind is PoolKind.SPOT_FLEET:
            self.runtime.ec2.modify_spot_fleet_request(
                SpotFleetRequestId=self.pool.name.name, TargetCapacity=target, ExcessCapacityTerminationPolicy="default"
            )
        else:
            pools.set_target(self.runtime, self.pool, target)

    def take(self, instance_ids: list[str]) -> None:
        """Terminates these instances, and lowers the target by as many as the minimum allows."""
        if instance_ids:
            target = self.within_bounds(self.pool.target - len(instance_ids))
            pools.terminate_instances(self.runtime, self.pool, instance_ids, target)


def look_every(
    interval_s: float, name: str, cluster: SimulatedCluster, pending: Pending, step: Callable[[Look], None]
) -> None:
    """Lets `step` look at `cluster` each `interval_s` seconds; its calls are counted under `name`."""
    clock, runtime = cluster.world.clock, cluster.world.suite.runtime(name)

    def look() -> None:
        known = cluster_settings.read_cluster(runtime, cluster.name, max_age_s=60)
        snapshot = observation.observe(runtime, known)
        step(Look(cluster, runtime, snapshot, pending(), known.thresholds))

    clock.every(interval_s, lambda: clock.spawn(look))
