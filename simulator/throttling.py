"""The ECS API's token buckets (`steady.limits`), as they fill and empty."""

from dataclasses import dataclass

from steady.api_budget.limits import BUCKETS


@dataclass(slots=True)
class Tokens:
    """A token bucket: `burst` tokens at most, `refill_per_s` new ones a second, one a call."""

    burst: float
    refill_per_s: float
    left: float
    filled_at: float

    def take(self, now: float) -> bool:
        self.left = min(self.burst, self.left + (now - self.filled_at) * self.refill_per_s)
        self.filled_at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Throttle:
    """Whether an ECS call may pass now."""

    def __init__(self, now: float) -> None:
        self._of_action: dict[str, Tokens] = {}
        for bucket in BUCKETS:
            tokens = Tokens(bucket.burst, bucket.refill_per_s, bucket.burst, now)
            self._of_action.update(dict.fromkeys(bucket.actions, tokens))

    def allows(self, action: str, now: float) -> bool:
        tokens = self._of_action.get(action)
        return tokens is None or tokens.take(now)
