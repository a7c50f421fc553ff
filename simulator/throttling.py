"""The ECS API's token buckets, an account's and a Region's (AWS, "Request throttling for the Amazon ECS API")."""

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """A token bucket: `burst` tokens at most, `refill_per_s` new ones a second, one a call."""

    burst: float
    refill_per_s: float
    tokens: float
    filled_at: float

    def take(self, now: float) -> bool:
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.refill_per_s)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


# Name, burst, refill a second, and the actions that draw on it.
_BUCKETS: tuple[tuple[str, int, int, frozenset[str]], ...] = (
    (
        "cluster resource modify",
        100,
        40,
        frozenset(
            {
                "StopTask",
                "RunTask",
                "StartTask",
                "UpdateContainerInstancesState",
                "PutAttributes",
                "DeleteAttributes",
                "DeregisterContainerInstance",
            }
        ),
    ),
    (
        "cluster resource read",
        100,
        20,
        frozenset(
            {"DescribeContainerInstances", "DescribeTasks", "ListContainerInstances", "ListTasks", "ListAttributes"}
        ),
    ),
    ("service read", 100, 20, frozenset({"DescribeServices", "ListServices"})),
    ("service modify", 50, 5, frozenset({"CreateService", "UpdateService", "DeleteService"})),
    ("cluster read", 50, 20, frozenset({"DescribeClusters", "ListClusters"})),
    ("task definition read", 50, 20, frozenset({"DescribeTaskDefinition", "ListTaskDefinitions"})),
)


class Throttle:
    """Whether an ECS call may pass now."""

    def __init__(self, now: float) -> None:
        self._of_action: dict[str, Bucket] = {}
        for _, burst, refill, actions in _BUCKETS:
            bucket = Bucket(burst, refill, burst, now)
            self._of_action.update(dict.fromkeys(actions, bucket))

    def allows(self, action: str, now: float) -> bool:
        bucket = self._of_action.get(action)
        return bucket is None or bucket.take(now)
