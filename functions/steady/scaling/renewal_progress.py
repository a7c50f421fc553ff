"""How far the renewal of a cluster's instances is, as its decisions remember it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class RenewalProgress:
    """The progress of a renewal. Times are in seconds since the epoch.

    Attributes:
        launches: what the pool launched when it began; the renewal begins anew when that changes.
        asked: the units that were asked for in place of instances that still run.
        asked_for: what the pool launched when they were asked for.
        target: the pool's target as of the last decision, while there are such units: whoever lowers it takes of them.
        old: since when each old instance has been emptied, by container instance ARN.
        well_since: since when a new instance has been registered and well; None: there is none.
        waiting_since: since when instances have been launched of which none has registered; None: none are waited for.
        is_proven: whether a new instance has been well for `renew_bake_seconds`.
        stopped: why the renewal was stopped; "": it was not.
    """

    launches: str = ""
    asked: int = 0
    asked_for: str = ""
    target: int = 0
    old: Mapping[str, float] = field(default_factory=dict)
    well_since: float | None = None
    waiting_since: float | None = None
    is_proven: bool = False
    stopped: str = ""

    @property
    def is_under_way(self) -> bool:
        """Whether replacements were asked for, or old instances are being emptied."""
        return bool(self.asked or self.old)

    def begin_anew(self, launches: str) -> "RenewalProgress":
        """Return the progress of a renewal towards `launches`: what is under way is remembered, and no more."""
        return RenewalProgress(launches, self.asked, self.asked_for, self.target, self.old)

    def with_asked(self, units: int) -> "RenewalProgress":
        """Return the progress with so many units left of those that were asked for."""
        return replace(self, asked=units, asked_for=self.asked_for if units else "")


NOT_RENEWING = RenewalProgress()
