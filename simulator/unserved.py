"""What arrives at a target group while none of its targets takes requests: the load balancer answers 503."""

from __future__ import annotations

from dataclasses import dataclass, field

# The offered load does not fall because targets leave: it is that of the most targets within this many seconds before.
OFFERED_WITHIN_S = 60.0


@dataclass(eq=False, slots=True)
class Serving:
    """How many targets of a group take requests, and what was not served since it first had one.

    Attributes:
        targets: how many take requests now.
        seconds: for how long none did, while the group's service wanted tasks.
        target_seconds: these seconds, each counted once for each target whose requests still arrive.
    """

    targets: int = 0
    seconds: float = 0.0
    target_seconds: float = 0.0
    _offered: int = 0
    _gap_since: float | None = None
    _before: list[tuple[float, int]] = field(default_factory=list)

    def change(self, now: float, by: int, *, wanted: bool) -> None:
        """Count `by` targets more (or less, if negative). `wanted`: whether the service wants tasks."""
        self._count_gap(now)
        self._before = [(until, count) for until, count in self._before if until >= now - OFFERED_WITHIN_S]
        self._before.append((now, self.targets))
        self.targets += by
        if not self.targets:
            self._offered = max(count for _, count in self._before)
        self.look(now, wanted=wanted)

    def look(self, now: float, *, wanted: bool) -> None:
        """Count up to the time `now`. From now on the service wants tasks, or it does not."""
        self._count_gap(now)
        is_gap = not self.targets and self._offered > 0 and wanted
        self._gap_since = now if is_gap else None

    def _count_gap(self, now: float) -> None:
        if self._gap_since is None:
            return
        lasted_s = now - self._gap_since
        self.seconds += lasted_s
        self.target_seconds += lasted_s * self._offered
        self._gap_since = now
