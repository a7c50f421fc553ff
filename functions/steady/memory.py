"""What a cluster's decisions remember between invocations, and how it is brought up to what is seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from steady.cluster import InstanceStatus, Size, Snapshot
from steady.demand import Demand, still_said
from steady.thresholds import Thresholds

# A placement failure is said again only now and then; while the service still drifts it stands for so long.
PLACEMENT_FAILURE_STANDS_S = 300


@dataclass(frozen=True)
class Memory:
    """What a cluster's decisions remember between invocations. Times are in seconds since the epoch.

    `draining` maps the container instances that scale-in chose, by ARN, to their instance ids; `leaving_since` says
    when each one that others drain was first seen so. `raised_by` is how much of the target, in the pool's units, is
    asked for only until replacements of such instances are there; `raised_to` is the target that was set with it.
    `instance_size` is what the pool's instances register with ECS, once one was seen.
    """

    demands: Mapping[str, Demand] = field(default_factory=dict)
    low_since: float | None = None
    drift_since: Mapping[str, float] = field(default_factory=dict)
    placement_failed_at: Mapping[str, float] = field(default_factory=dict)
    draining: Mapping[str, str] = field(default_factory=dict)
    leaving_since: Mapping[str, float] = field(default_factory=dict)
    raised_by: int = 0
    raised_to: int = 0
    instance_size: Size | None = None
    instance_type: str = ""


def observed(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> Memory:
    """`memory` brought up to what the snapshot shows: silent demands, ended drifts and gone instances leave it."""
    now = snapshot.at
    drifting = {s.name for s in snapshot.services if s.missing}
    draining_now = {i.arn: i.instance_id for i in snapshot.instances if i.status is InstanceStatus.DRAINING}
    in_pool = [i for i in snapshot.active if i.instance_id in snapshot.pool.members]
    example = min(in_pool, key=lambda i: (i.registered.memory_mib, i.registered.cpu_units), default=None)
    return replace(
        memory,
        demands=still_said(memory.demands, now, thresholds.demand_silent_after_seconds),
        drift_since={name: memory.drift_since.get(name, now) for name in sorted(drifting)},
        placement_failed_at={
            name: at
            for name, at in memory.placement_failed_at.items()
            if name in drifting and now - at <= PLACEMENT_FAILURE_STANDS_S
        },
        draining={arn: id_ for arn, id_ in memory.draining.items() if arn in draining_now},
        leaving_since={arn: memory.leaving_since.get(arn, now) for arn in draining_now if arn not in memory.draining},
        instance_size=example.registered if example else memory.instance_size,
        instance_type=example.instance_type if example else memory.instance_type,
    )
