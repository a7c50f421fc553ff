"""The drain mark: why an instance was drained, as a custom attribute of its container instance keeps it.

An instance that carries no mark was drained by somebody else, or always goes: nobody takes it back.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

ATTRIBUTE = "steady.drained"
OVER = "over"


class DrainReason(StrEnum):
    """Why an instance was drained that may stay after all."""

    REBALANCE = "rebalance"
    MAINTENANCE = "maintenance"
    STOP = "stop"
    HOOK = "hook"
    RETIREMENT = "retirement"
    OPERATOR = "operator"


# If several reasons come together, the last of them in this order is written: the others end with it.
ORDER = tuple(DrainReason)
# No notice takes these from a draining instance: it must be replaced, or a person has drained it.
LASTING = frozenset({DrainReason.RETIREMENT, DrainReason.OPERATOR})


@dataclass(frozen=True, slots=True)
class DrainMark:
    """Why an instance was drained. Times are in whole seconds since the epoch.

    Attributes:
        until: when the reason has passed if nothing happened; of a mark that is over, when it ended.
        since: the time of the notice; of a mark that is over, when that was written.
        is_over: whether an event or a person has said that the reason has passed.
    """

    reason: DrainReason
    until: int
    since: int
    is_over: bool = False

    def __str__(self) -> str:
        """Return the attribute's value. ECS allows letters, digits and `-_.@/\\: ` in it, 128 characters at most.

        >>> str(DrainMark(DrainReason.MAINTENANCE, until=1767254400, since=1767225600))
        'maintenance:1767254400:1767225600'
        """
        return ":".join([self.reason, str(self.until), str(self.since), *([OVER] if self.is_over else [])])

    @staticmethod
    def parse(value: str) -> "DrainMark | None":
        """Return the mark that `value` is; None if it is none: somebody else has written it.

        >>> DrainMark.parse("stop:1767225720:1767225600:over").is_over
        True
        >>> DrainMark.parse("by Kim, ask me") is None
        True
        """
        reason, *times = value.split(":")
        is_over = times[2:] == [OVER]
        if len(times) != 2 + is_over or reason not in set(DrainReason):
            return None
        # `isdecimal` alone takes digits of other scripts; 15 digits are enough for any time.
        if not all(t.isascii() and t.isdecimal() and len(t) <= 15 for t in times[:2]):
            return None
        return DrainMark(DrainReason(reason), int(times[0]), int(times[1]), is_over)

    def ended(self, at: float, now: float) -> "DrainMark":
        """Return the mark once its reason has ended at the time `at`, written `now`."""
        return replace(self, until=int(at), since=int(now), is_over=True)

    def ended_after(self, noticed_at: float) -> bool:
        """Whether the reason ended after the notice at the time `noticed_at`: nothing is left to do for that notice."""
        return self.is_over and self.until > noticed_at
