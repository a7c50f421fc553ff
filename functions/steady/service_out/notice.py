"""Define what every kind of notice is parsed to."""

from dataclasses import dataclass

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
    """

    instance_id: str
    at: float
    deadline_s: float | None = None
    hook: LifecycleHook | None = None
    recommended: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Ignored:
    """A valid message that asks for nothing, and `why`."""

    why: str
