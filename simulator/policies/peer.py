"""The look at a cluster and the calls that all peers share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from botocore.exceptions import ClientError

from simulator.ecs.task_definition import TaskDefinition
from simulator.world import SimulatedCluster
from steady.aws.capacity import pools
from steady.aws.capacity.kind import PoolIsChanging
from steady.aws.capacity.spot_fleet import NOT_MODIFIABLE
from steady.aws.runtime import Runtime
from steady.aws.scaling import observation
from steady.aws.settings import cluster_settings
from steady.cluster import Snapshot, TaskShape
from steady.pools import Pool, PoolKind
from steady.thresholds import Thresholds

# Returns the tasks of a cluster that are not placed yet. Kubernetes calls them pending, ECS calls them provisioning.
Pending = Callable[[], list[TaskShape]]


def missing_tasks(cluster: SimulatedCluster) -> list[TaskShape]:
    """Return the tasks of services that are not placed yet."""
    services = cluster.state.services.values()
    shapes = ((shape_of_definition(service.definition), service.missing_since) for service in services)
    return [shape for shape, missing in shapes for _ in missing]


def shape_of_definition(definition: TaskDefinition) -> TaskShape:
    """Return what a task of `definition` needs."""
    return TaskShape(definition.size, gpus=definition.gpus, member_of=frozenset(definition.constraints))


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

    @property
    def has_spot_and_on_demand(self) -> bool:
        """Whether the pool launches Spot Instances, and on-demand ones where a policy asks for them.

        Such a pool stands for two groups of the same type, one of Spot Instances and one of on-demand ones.
        """
        return self.pool.may_fall_back

    @property
    def spot_missing(self) -> int:
        """How many Spot Instances the pool is asked for and has not launched."""
        spot = len(self.pool.members.keys() - self.pool.on_demand_members)
        return max(0, self.pool.target - self.pool.on_demand - spot)

    def ask_for(self, target: int, on_demand: int | None = None) -> None:
        """Set the pool's target, within its bounds. If it falls, the pool chooses which instances to terminate.

        Args:
            on_demand: how many of them are on-demand; None: as many as now.
        """
        target = self.within_bounds(target)
        on_demand = min(self.pool.on_demand if on_demand is None else on_demand, target)
        if (target, on_demand) != (self.pool.target, self.pool.on_demand) and not self.pool.is_changing:
            _SET_TARGET[self.pool.name.kind](self.runtime, self.pool, target, on_demand)

    def take(self, instance_ids: list[str]) -> bool:
        """Terminate these instances, and lower the target by their number as far as the minimum allows.

        The on-demand part is lowered by those of them that are on-demand. Return False if the pool is still being
        changed: nothing was terminated then.
        """
        if self.pool.is_changing:
            return False
        if instance_ids:
            target = self.within_bounds(self.pool.target - len(instance_ids))
            on_demand = min(target, self.pool.on_demand - len(self.pool.on_demand_members & set(instance_ids)))
            pools.terminate_instances(self.runtime, self.pool, instance_ids, target, max(0, on_demand))
        return True


def look_every(
    interval_s: float,
    name: str,
    cluster: SimulatedCluster,
    pending: Pending,
    step: Callable[[Look], None],
    is_due: Callable[[], bool] = lambda: True,
) -> None:
    """Call `step` with a look at `cluster` every `interval_s` seconds. Its calls are counted under `name`.

    Args:
        is_due: whether to look at this time; it makes no calls.
    """
    clock, runtime = cluster.world.clock, cluster.world.suite.runtime(name)

    def look() -> None:
        known = cluster_settings.read_cluster(runtime, cluster.name, max_age_s=60)
        snapshot = observation.observe(runtime, known)
        # A tool whose call AWS refuses tries again at its next look. A fleet can begin to change after it was read.
        with contextlib.suppress(PoolIsChanging):
            step(Look(cluster, runtime, snapshot, pending(), known.thresholds))

    clock.every(interval_s, lambda: clock.spawn(look) if is_due() else None)


def _set_fleet_target(runtime: Runtime, pool: Pool, target: int, on_demand: int) -> None:
    """Set the target so that the fleet itself terminates excess instances, each with a notice."""
    try:
        runtime.ec2.modify_spot_fleet_request(
            SpotFleetRequestId=pool.name.name,
            TargetCapacity=target,
            OnDemandTargetCapacity=on_demand,
            ExcessCapacityTerminationPolicy="default",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != NOT_MODIFIABLE:
            raise
        raise PoolIsChanging(str(error)) from error


# By the kind of pool: how a peer sets a target and leaves the choice of instances to the pool.
_SET_TARGET: Mapping[PoolKind, Callable[[Runtime, Pool, int, int], None]] = {
    PoolKind.AUTO_SCALING_GROUP: pools.set_target,
    PoolKind.SPOT_FLEET: _set_fleet_target,
}
