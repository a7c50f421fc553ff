"""How far the renewal of a cluster's instances is, as its decisions remember it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RenewalProgress:
    """The progress of a renewal. Times are in seconds since the epoch.

    Attributes:
        launches: what the pool launched when it began; the renewal begins anew when that changes.
        asked: the units that were asked for in place of instances that still run.
        asked_at: when they were asked for.
        old: since when each old instance has been emptied, by container instance ARN.
        well_since: since when a new instance has been registered and well; None: there is none.
        is_proven: whether a new instance has been well for `renew_bake_seconds`.
        stopped: why the renewal was stopped; "": it was not.
    """

    launches: str = ""
    asked: int = 0
    asked_at: float = 0.0
    old: Mapping[str, float] = field(default_factory=dict)
    well_since: float | None = None
    is_proven: bool = False
    stopped: str = ""


NOT_RENEWING = RenewalProgress()
