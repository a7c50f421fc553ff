"""Define what every kind of notice is parsed to."""

from dataclasses import dataclass

from steady.drain_mark import DrainReason
from steady.service_out.doomed import LifecycleHook


@dataclass(frozen=True, slots=True)
class Notice:
    """An instance is about to go.

    Attributes:
        at: the time of the event, in seconds since the epoch.
        deadline_s: when the instance ends, in seconds since the epoch; None if only Auto Scaling (`hook`) or the
            cluster's thresholds (`recommended`) know it.
        hook: the lifecycle hook that holds the instance.
        recommended: whether EC2 only recommends to leave it; followed if the threshold `on_rebalance` is `drain`.
        gone: whether the instance is ending already.
        reason: why it is drained, to be remembered; None if the instance always goes.
        until_s: when the reason has passed, in seconds since the epoch; None: at the deadline.
        event: the name of the event if its deadline may be put off: a newer notice of the same event says so.
        in_renewal: whether renewal empties it, and will terminate it: the autoscaler need not be told.
    """

    instance_id: str
    at: float
    deadline_s: float | None = None
    hook: LifecycleHook | None = None
    recommended: bool = False
    gone: bool = False
    reason: DrainReason | None = None
    until_s: float | None = None
    event: str = ""
    in_renewal: bool = False


@dataclass(frozen=True, slots=True)
class Over:
    """What an instance was drained for has passed.

    Attributes:
        at: the time of the event, in seconds since the epoch.
        reasons: the reasons that have passed.
    """

    instance_id: str
    at: float
    reasons: frozenset[DrainReason]


@dataclass(frozen=True, slots=True)
class ReservationNotice:
    """All instances in a Capacity Reservation are about to go; the event does not name them.

    Attributes:
        at: the time of the event, in seconds since the epoch.
        deadline_s: when they end, in seconds since the epoch.
    """

    reservation_id: str
    at: float
    deadline_s: float


@dataclass(frozen=True, slots=True)
class WaitingNotice:
    """Instances of an Auto Scaling group wait under a lifecycle hook; which one, the message does not say.

    Attributes:
        at: when they were seen waiting, in seconds since the epoch.
    """

    group: str
    instance_ids: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Ignored:
    """A valid message that asks for nothing, and `why`."""

    why: str
