"""What every kind of notice is parsed to."""

from dataclasses import dataclass

from steady.service_out.drain import LifecycleHook


@dataclass(frozen=True, slots=True)
class Notice:
    """An instance is about to go. `at` and `deadline_s` are in seconds since the epoch.

    A lifecycle hook's deadline is its own timeout, which only Auto Scaling knows: `deadline_s` is None then. What is
    only `recommended` counts where the cluster's threshold `on_rebalance` says so, and has the deadline that its
    thresholds set: None as well. One that is `gone` already has no time left at all.
    """

    instance_id: str
    at: float
    deadline_s: float | None = None
    hook: LifecycleHook | None = None
    recommended: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message that is rightly there and asks for nothing; `why` says so."""

    why: str
