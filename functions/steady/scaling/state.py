"""What a cluster's decisions remember between invocations, and how it is brought up to what is seen."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from steady.cluster import NOTHING, InstanceShape, InstanceStatus, Size, Snapshot, TaskShape
from steady.scaling.demand import Demand, still_said, waiting
from steady.scaling.packing import pack, room_on
from steady.scaling.recurrence import DAYS, RECENT, Peaks
from steady.scaling.staffing import UNLEARNED, Staffing
from steady.scaling.usage import UNUSED, Usage
from steady.thresholds import Thresholds

# A placement failure is said again only now and then; while the service still drifts it stands for so long.
PLACEMENT_FAILURE_STANDS_S = 300
# A Spot notice lasts 120 s; an Auto Scaling instance under a hook does not count for its group any more.
LEAVES_WITHIN_S = 180
# So many of the latest boots say how long one takes.
BOOTS_KEPT = 5


@dataclass(frozen=True, slots=True)
class Healing:
    """What healing remembers. Times are in seconds since the epoch.

    `lost_since` says when each container instance of the pool was first seen with its agent disconnected, by ARN, and
    `emptying` since when healing drains it. `registered_at` is when an instance last registered, and `unanswered` when
    instances were terminated of which it is not known yet whether what comes in their place is well.
    """

    lost_since: Mapping[str, float] = field(default_factory=dict)
    emptying: Mapping[str, float] = field(default_factory=dict)
    registered_at: float = 0.0
    unanswered: tuple[float, ...] = ()


UNTOUCHED = Healing()


@dataclass(frozen=True)
class Memory:
    """What a cluster's decisions remember between invocations. Times are in seconds since the epoch.

    `doomed` says when each instance that a notice names was said to go, by instance id. `draining` maps the container
    instances that scale-in chose, by ARN, to their instance ids; `leaving_since` says when each one that others drain
    was first seen so; `booting_since` when each instance of the pool that has not registered was, and `boots_s` how
    long the latest boots took. `raised_by` is how much of the target, in the pool's units, is asked for only until
    replacements of such instances are there; `raised_to` is the target that was set with it. `short_since` is since
    when a Spot Fleet has held less than its target. `shapes` are the types of instances that were seen registered.
    `told` is what was wrong with the parameters when people were last told of it.
    """

    demands: Mapping[str, Demand] = field(default_factory=dict)
    low_since: float | None = None
    drift_since: Mapping[str, float] = field(default_factory=dict)
    placement_failed_at: Mapping[str, float] = field(default_factory=dict)
    doomed: Mapping[str, float] = field(default_factory=dict)
    draining: Mapping[str, str] = field(default_factory=dict)
    leaving_since: Mapping[str, float] = field(default_factory=dict)
    booting_since: Mapping[str, float] = field(default_factory=dict)
    boots_s: tuple[float, ...] = ()
    raised_by: int = 0
    raised_to: int = 0
    short_since: float | None = None
    next_look_at: float = 0.0
    shapes: Mapping[str, InstanceShape] = field(default_factory=dict)
    recent: Peaks = RECENT
    days: Peaks = DAYS
    staffing: Staffing = UNLEARNED
    healing: Healing = UNTOUCHED
    usage: Usage = UNUSED
    told: tuple[str, ...] = ()


def observed(snapshot: Snapshot, memory: Memory, thresholds: Thresholds) -> Memory:
    """`memory` brought up to what the snapshot shows: silent demands, ended drifts and gone instances leave it."""
    now = snapshot.at
    drifting = {s.name for s in snapshot.services if s.missing}
    draining_now = {i.arn: i.instance_id for i in snapshot.instances if i.status is InstanceStatus.DRAINING}
    here = {i.instance_id for i in snapshot.instances} | set(snapshot.pool.members)
    doomed = {id_: at for id_, at in memory.doomed.items() if now - at <= LEAVES_WITHIN_S and id_ in here}
    # What a notice names goes, whatever scale-in wanted of it: it is not to be taken back.
    draining = {arn: id_ for arn, id_ in memory.draining.items() if arn in draining_now and id_ not in doomed}
    demands = still_said(memory.demands, now, thresholds.demand_silent_after_seconds)
    waits = [TaskShape(d.size) for d in waiting(demands, now)]
    # Of what waits, what would fit now is about to be placed.
    rooms = room_on(snapshot.active, snapshot)
    lacking = pack([s.shape for s in snapshot.services for _ in range(s.missing) if s.shape], rooms).left_over
    unplaced = pack(waits, rooms).left_over
    demand = _running(snapshot, draining) + _total(lacking) + _total(unplaced)
    return replace(
        memory,
        demands={key: replace(d, seen=True) for key, d in demands.items()},
        drift_since={name: memory.drift_since.get(name, now) for name in sorted(drifting)},
        placement_failed_at={
            name: at
            for name, at in memory.placement_failed_at.items()
            if name in drifting and now - at <= PLACEMENT_FAILURE_STANDS_S
        },
        doomed=doomed,
        draining=draining,
        leaving_since={arn: memory.leaving_since.get(arn, now) for arn in draining_now if arn not in draining},
        shapes={**memory.shapes, **_shapes_seen(snapshot)},
        recent=memory.recent.seen(now, demand),
        days=memory.days.seen(now, demand),
        staffing=_staffing(snapshot, memory, len(lacking), len(waits), demands, thresholds.start_at_once_share),
        healing=_healing(snapshot, memory),
        usage=memory.usage.seen(snapshot),
        **_boots(snapshot, memory),
    )


def _running(snapshot: Snapshot, draining: Collection[str]) -> Size:
    """What runs; what is on an instance that is about to leave is being replaced, and would be counted twice."""
    status = InstanceStatus.ACTIVE
    return sum((i.reserved for i in snapshot.instances if i.status is status or i.arn in draining), NOTHING)


def _total(tasks: Iterable[TaskShape]) -> Size:
    return sum((task.size for task in tasks), NOTHING)


def _staffing(
    snapshot: Snapshot, memory: Memory, lacking: int, waits: int, demands: Mapping[str, Demand], share_percent: int
) -> Staffing:
    tasks = sum(i.task_count for i in snapshot.instances) - snapshot.daemons.tasks + lacking + waits
    if memory.doomed:
        # What a reclaim displaces teaches nothing: it is not room that would have held a fleet's tasks.
        return memory.staffing.counted(tasks, lacking)
    new_demands = sum(not d.seen for d in demands.values())
    return memory.staffing.learned(tasks, lacking, new_demands, share_percent)


def _shapes_seen(snapshot: Snapshot) -> dict[str, InstanceShape]:
    """The smallest that an instance of each of the pool's types registered with."""
    seen: dict[str, InstanceShape] = {}
    for i in sorted(snapshot.active, key=lambda i: (i.registered.memory_mib, i.registered.cpu_units), reverse=True):
        if i.instance_id in snapshot.pool.members:
            known = snapshot.shapes.get(i.instance_type)
            enis = known.enis if known and i.enis_limited else None
            seen[i.instance_type] = InstanceShape(i.instance_type, i.registered, i.registered_gpus, enis)
    return seen


def _boots(snapshot: Snapshot, memory: Memory) -> dict[str, Any]:
    registered = {i.instance_id for i in snapshot.instances}
    booting = {
        id_: memory.booting_since.get(id_, snapshot.at) for id_ in snapshot.pool.members if id_ not in registered
    }
    done = [snapshot.at - since for since in _booted(snapshot, memory)]
    return {"booting_since": booting, "boots_s": (*memory.boots_s, *done)[-BOOTS_KEPT:]}


def _booted(snapshot: Snapshot, memory: Memory) -> list[float]:
    """Since when each of the instances booted that have registered since the last look."""
    registered = {i.instance_id for i in snapshot.instances}
    return [since for id_, since in memory.booting_since.items() if id_ in registered]


def _healing(snapshot: Snapshot, memory: Memory) -> Healing:
    now, known = snapshot.at, memory.healing
    here = {i.arn: i for i in snapshot.instances if i.instance_id in snapshot.pool.members}
    lost = [arn for arn, i in here.items() if not i.agent_connected]
    # One that came back is kept until it takes tasks again, so that a crash before that leaves it to the next look.
    ended = {arn for arn, i in here.items() if i.agent_connected and i.status is InstanceStatus.ACTIVE}
    emptying = {arn: since for arn, since in known.emptying.items() if arn in here and arn not in ended}
    booted = bool(_booted(snapshot, memory))
    # Where all that is asked for is there and well, what was terminated needed no answer.
    pool = snapshot.pool
    well = len(here) == len(pool.members) and pool.held >= pool.target and not lost and not emptying
    return Healing(
        lost_since={arn: known.lost_since.get(arn, now) for arn in lost},
        emptying=emptying,
        registered_at=now if booted else known.registered_at,
        unanswered=() if booted or well else known.unanswered,
    )
