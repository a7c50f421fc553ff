"""The token buckets of the ECS API (`steady.api_budget.limits`)."""

from dataclasses import dataclass

from steady.api_budget.limits import BUCKETS


@dataclass(slots=True)
class Tokens:
    """A token bucket. It holds at most `burst` tokens and gains `refill_per_s` a second; each call takes one."""

    burst: float
    refill_per_s: float
    left: float
    filled_at: float

    def take(self, now: float) -> bool:
        """Take a token at the time `now`; return whether there was one."""
        self.left = min(self.burst, self.left + (now - self.filled_at) * self.refill_per_s)
        self.filled_at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Throttle:
    """All token buckets of the ECS API. Several actions may share a bucket."""

    def __init__(self, now: float) -> None:
        self._of_action: dict[str, Tokens] = {}
        for bucket in BUCKETS:
            tokens = Tokens(bucket.burst, bucket.refill_per_s, bucket.burst, now)
            self._of_action.update(dict.fromkeys(bucket.actions, tokens))

    def allows(self, action: str, now: float) -> bool:
        """Take a token for a call of `action`; return whether the call passes. An action without a bucket passes."""
        tokens = self._of_action.get(action)
        return tokens is None or tokens.take(now)
