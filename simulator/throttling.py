"""The token buckets of AWS's APIs: those of ECS always, those of the other services if `Timing.limits` is set."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from simulator.errors import AwsError, throttled
from steady.api_budget.limits import BUCKETS


@dataclass(frozen=True, slots=True)
class Limit:
    """A token bucket that all calls of `actions` of `service` share: `burst` at once, then `refill_per_s`."""

    service: str
    burst: int
    refill_per_s: int
    actions: tuple[str, ...]


# Each error: its code, its text and its HTTP status.
ERRORS: Mapping[str, tuple[str, str, int]] = MappingProxyType(
    {
        "elbv2": ("Throttling", "Rate exceeded", 400),
        "servicediscovery": ("RequestLimitExceeded", "Rate exceeded", 400),
        "ec2": ("RequestLimitExceeded", "Request limit exceeded.", 503),
        "autoscaling": ("Throttling", "Rate exceeded", 400),
        "ssm": ("ThrottlingException", "Rate exceeded", 400),
        "dynamodb": ("ThrottlingException", "Throughput exceeds the current capacity of your table or index.", 400),
    }
)

LIMITS = (
    # "Request throttling for the Elastic Load Balancing API": 40 tokens and 10 a second for all Describe calls. The
    # targets' own bucket is that of aws-load-balancer-controller, pkg/aws/throttle/defaults.go: 20 and 4. Calls that
    # ECS itself makes have buckets of their own.
    Limit("elbv2", 40, 10, ("DescribeTargetHealth", "DescribeTargetGroups", "DescribeTargetGroupAttributes")),
    Limit("elbv2", 20, 4, ("DeregisterTargets", "RegisterTargets")),
    # Cloud Map names figures for DiscoverInstances only: an assumption.
    Limit("servicediscovery", 50, 20, ("DeregisterInstance",)),
    # "Request throttling for the Amazon EC2 API": each action has its own bucket; 100 and 20 for a usual read
    # (DescribeHosts). The others are cautious assumptions, of the order of RequestSpotInstances (50 and 5).
    Limit("ec2", 100, 20, ("DescribeInstances",)),
    Limit("ec2", 100, 20, ("DescribeInstanceTypes",)),
    Limit("ec2", 100, 20, ("DescribeSpotPriceHistory",)),
    Limit("ec2", 50, 5, ("TerminateInstances",)),
    Limit("ec2", 50, 3, ("DescribeSpotFleetRequests",)),
    Limit("ec2", 50, 5, ("DescribeSpotFleetInstances",)),
    Limit("ec2", 50, 5, ("DescribeSpotFleetRequestHistory",)),
    Limit("ec2", 50, 5, ("ModifySpotFleetRequest",)),
    Limit("ec2", 50, 5, ("CreateTags", "DeleteTags")),
    # "Request throttling for the Amazon EC2 Auto Scaling API" names a token bucket and no figures: an assumption.
    Limit("autoscaling", 100, 20, ("DescribeAutoScalingGroups", "DescribeLifecycleHooks")),
    Limit("autoscaling", 50, 5, ("SetDesiredCapacity", "TerminateInstanceInAutoScalingGroup")),
    Limit("autoscaling", 50, 5, ("UpdateAutoScalingGroup", "CreateOrUpdateTags", "DeleteTags")),
    Limit("autoscaling", 50, 5, ("RecordLifecycleActionHeartbeat", "CompleteLifecycleAction")),
    # "AWS Systems Manager endpoints and quotas": 40 a second, shared by the calls that read values. That of the history
    # is an assumption.
    Limit("ssm", 40, 40, ("GetParameter", "GetParameters", "GetParametersByPath")),
    Limit("ssm", 40, 40, ("GetParameterHistory",)),
    # DynamoDB Developer Guide, "Designing partition keys": 1,000 writes and 3,000 reads a second of one partition.
    Limit("dynamodb", 1000, 1000, ("PutItem", "UpdateItem", "DeleteItem")),
    Limit("dynamodb", 3000, 3000, ("GetItem", "Query")),
)


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
    """The token buckets of one account. Several actions may share a bucket.

    Args:
        now: seconds since the epoch; all buckets are full then.
        limits: whether services other than ECS throttle, too.
    """

    def __init__(self, now: float, *, limits: bool = False) -> None:
        self._of_call: dict[str, Tokens] = {}
        for bucket in BUCKETS:
            tokens = Tokens(bucket.burst, bucket.refill_per_s, bucket.burst, now)
            self._of_call.update({f"ecs:{action}": tokens for action in bucket.actions})
        for limit in LIMITS if limits else ():
            tokens = Tokens(limit.burst, limit.refill_per_s, limit.burst, now)
            self._of_call.update({f"{limit.service}:{action}": tokens for action in limit.actions})

    def refusal(self, name: str, now: float) -> AwsError | None:
        """Take a token for the call `name`, such as `ecs:StopTask`. Return the error if there is none; None: it passes.

        A call without a bucket passes.
        """
        tokens = self._of_call.get(name)
        if tokens is None or tokens.take(now):
            return None
        service, _, action = name.partition(":")
        if service == "ecs":
            return throttled(action)
        code, text, status = ERRORS[service]
        return AwsError(code, f"{text} ({action})", status)
