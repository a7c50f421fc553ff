"""The state that the decisions about one pool remember between invocations."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from steady.cluster import InstanceShape
from steady.scaling.learning import NONE_YET, Lately
from steady.scaling.recurrence import DAYS, RECENT, Peaks
from steady.scaling.renewal_progress import NOT_RENEWING, RenewalProgress
from steady.scaling.staffing import UNLEARNED, Staffing
from steady.scaling.terminations import Refusals
from steady.scaling.tries import Tries
from steady.scaling.usage import UNUSED, Usage


@dataclass(frozen=True, slots=True)
class Healing:
    """The state of healing. Times are in seconds since the epoch.

    Attributes:
        lost_since: when each container instance was first seen disconnected or IMPAIRED, by ARN.
        emptying: since when healing has been draining each container instance, by ARN.
        registered_at: when an instance last registered.
        unanswered: when instances were terminated whose replacements have not proved well yet.
    """

    lost_since: Mapping[str, float] = field(default_factory=dict)
    emptying: Mapping[str, float] = field(default_factory=dict)
    registered_at: float = 0.0
    unanswered: tuple[float, ...] = ()


UNTOUCHED = Healing()


@dataclass(frozen=True, slots=True)
class Delivery:
    """Whether the pool delivers what it is asked for (`steady.scaling.delivery`). Times are in seconds since the epoch.

    Attributes:
        short_since: since when it has held less than its target, and has not grown; None: it holds it.
        held: the units that it held at the last look.
        passed_over_until: until when other pools are asked in its place.
        back_off_s: for how long it was passed over the last time, in seconds; 0: it has delivered since.
        why: why it was.
        target: what it was asked for at the last look, in units.
        raised_at: when its target was last seen to be raised.
        refused_target: the target that AWS refused to set, in units; 0: it took the last one.
    """

    short_since: float | None = None
    held: int = 0
    passed_over_until: float = 0.0
    back_off_s: float = 0.0
    why: str = ""
    target: int = 0
    raised_at: float = 0.0
    refused_target: int = 0


ON_TIME = Delivery()


@dataclass(frozen=True)
class PoolState:
    """The state of one pool. Times are in seconds since the epoch.

    Attributes:
        low_since: since when reservation has been low.
        draining: the container instances that scale-in has chosen, from ARN to instance id.
        chosen_at: since when each of them has been draining, by ARN.
        spared_until: until when scale-in leaves a container instance alone, by ARN: it cannot be emptied.
        interrupted: those of them that a notice has named since: they are emptied, and never taken back.
        leaving_since: when each container instance that others drain was first seen draining, by ARN.
        booting_since: when each instance of the pool that has not registered was first seen, by instance id.
        boots_s: how many seconds the latest boots took.
        raised_by: the units of the target that are asked for only until replacements are there.
        raised_to: the target that was set with `raised_by`.
        short_since: since when a pool of Spot instances has held less than its target.
        spot_grew_at: when it last launched a Spot Instance since then; 0: it has launched none.
        spot_held: the units of Spot Instances that it held at the last look.
        launches_s: how many seconds its latest launches of Spot Instances took while it was short.
        next_look_at: when a look before the next tick is booked.
        shapes: the types of instances that were seen registered, by type.
        launched: the types of the latest instances that the pool has launched, the newest last.
        tries: the tries for demands that the pool may not be able to serve, by their keys.
        recent: the demand of the last hours.
        days: the demand of the last days.
        waited_at: when a task last found no room, as `staffing` counts it; None: at no look yet.
        cover: which part of a rise that recurs is to find room.
        started: how many tasks have started, as far as was seen.
        lately: how many of the latest tasks had to wait.
        refusals: the terminations that AWS refused, by instance id.
        order_before: the order of the pool's types that scaling has changed for a task that waits; nothing: it has not.
        order_set: the order that it has set instead.
        delivery: whether it delivers what it is asked for; only where the cluster has several pools.
        renewal: how far the renewal of the instances is.
        expected: how many tasks were to be placed on its instances that are coming, by what a task needs; only there.
    """

    low_since: float | None = None
    draining: Mapping[str, str] = field(default_factory=dict)
    chosen_at: Mapping[str, float] = field(default_factory=dict)
    spared_until: Mapping[str, float] = field(default_factory=dict)
    interrupted: Mapping[str, str] = field(default_factory=dict)
    leaving_since: Mapping[str, float] = field(default_factory=dict)
    booting_since: Mapping[str, float] = field(default_factory=dict)
    boots_s: tuple[float, ...] = ()
    raised_by: int = 0
    raised_to: int = 0
    short_since: float | None = None
    spot_grew_at: float = 0.0
    spot_held: int = 0
    launches_s: tuple[float, ...] = ()
    next_look_at: float = 0.0
    shapes: Mapping[str, InstanceShape] = field(default_factory=dict)
    launched: tuple[str, ...] = ()
    tries: Mapping[str, Tries] = field(default_factory=dict)
    recent: Peaks = RECENT
    days: Peaks = DAYS
    staffing: Staffing = UNLEARNED
    # No field of `staffing`: release 0.1.0 reads no item whose objects have a field that it does not know.
    waited_at: float | None = None
    cover: float = 1.0
    started: float = 0.0
    lately: Lately = NONE_YET
    healing: Healing = UNTOUCHED
    usage: Usage = UNUSED
    refusals: Refusals = field(default_factory=dict)
    order_before: tuple[str, ...] = ()
    order_set: tuple[str, ...] = ()
    delivery: Delivery = ON_TIME
    expected: Mapping[str, int] = field(default_factory=dict)
    renewal: RenewalProgress = NOT_RENEWING
