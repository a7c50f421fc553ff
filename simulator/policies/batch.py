"""The window in which Karpenter collects pending tasks before it launches nodes for them.

karpenter.sh, "Settings": BATCH_IDLE_DURATION and BATCH_MAX_DURATION.
"""

from __future__ import annotations

from dataclasses import dataclass

BATCH_IDLE_S, BATCH_MAX_S = 1.0, 10.0
# A task that still waits is looked at again after this time.
AGAIN_S = 10.0


@dataclass
class Batch:
    """The window in which pending tasks are collected. It opens when more tasks wait than at the last batch.

    >>> batch = Batch()
    >>> [batch.is_ripe(many, now) for now, many in enumerate((0, 3, 5, 5, 5))]
    [False, False, False, True, False]
    """

    opened_at: float | None = None
    grown_at: float = 0.0
    handled_at: float = 0.0
    seen: int = 0

    def is_ripe(self, pending: int, now: float) -> bool:
        """Whether the batch ends now, with `pending` tasks waiting."""
        if pending > self.seen:
            self.grown_at = now
            self.opened_at = now if self.opened_at is None else self.opened_at
        self.seen = pending
        is_full = self.opened_at is not None and (
            now - self.grown_at >= BATCH_IDLE_S or now - self.opened_at >= BATCH_MAX_S
        )
        if not pending or not (is_full or now - self.handled_at >= AGAIN_S):
            return False
        self.opened_at, self.handled_at = None, now
        return True
