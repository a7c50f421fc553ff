"""Give a handler its AWS clients, its clock and its threads. The simulated account gives others."""

from __future__ import annotations

import itertools
import operator
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from botocore.config import Config

from steady.api_budget.limits import BUCKET_OF
from steady.aws.session import BotocoreSession, Session
from steady.aws.telemetry import PowertoolsTelemetry, Telemetry
from steady.names import CLUSTERS_VARIABLE, USER_AGENT

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_servicediscovery import ServiceDiscoveryClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

Item = TypeVar("Item")
Result = TypeVar("Result")
One = TypeVar("One")
Two = TypeVar("Two")
Three = TypeVar("Three")

CALLS_AT_ONCE = 10
# The most connections that one client keeps open: as many as calls may be made side by side.
CONNECTIONS = 32

# "standard" backs off with jitter on throttling and on 5xx; five tries take about 10 s at most.
CLIENT_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 5},
    connect_timeout=3,
    read_timeout=10,
    max_pool_connections=CONNECTIONS,
    user_agent_extra=USER_AGENT,
)
# For calls on which a step of service-out waits: five tries without an answer take about 16 s of its 24 s, so that the
# step still fails or goes on by itself. A step that is killed at its timeout again and again does nothing at all.
STEP_CONFIG = CLIENT_CONFIG.merge(Config(connect_timeout=2, read_timeout=3))
# For small answers that come at once or not at all. The callers go on without them (docs/reliability.md).
QUICK_CONFIG = CLIENT_CONFIG.merge(
    Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=2, read_timeout=3)
)
ONCE_CONFIG = QUICK_CONFIG.merge(Config(retries={"total_max_attempts": 1}))


class InParallel(Protocol):
    """Calls a function on each item, `at_once` at a time; returns the results in the items' order."""

    def __call__(
        self, call: Callable[[Item], Result], items: Iterable[Item], /, at_once: int = CALLS_AT_ONCE
    ) -> list[Result]: ...


def in_threads(call: Callable[[Item], Result], items: Iterable[Item], /, at_once: int = CALLS_AT_ONCE) -> list[Result]:
    """Return `[call(i) for i in items]`, called `at_once` at a time; raise what the first failing call raised."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(call, items))


def deployed_clusters() -> frozenset[str] | None:
    """Return the clusters that the deployment has told the function, whose rights it has; None: none were told."""
    return frozenset(os.environ[CLUSTERS_VARIABLE].split(",")) if CLUSTERS_VARIABLE in os.environ else None


@dataclass
class Runtime:
    """The AWS clients, made when first used, and the only clock. Times are in seconds since the epoch."""

    session: Session = field(default_factory=BotocoreSession)
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    in_parallel: InParallel = in_threads
    telemetry: Telemetry = field(default_factory=PowertoolsTelemetry)
    # The clusters that the deployment has, and whose rights the functions have; None: all that have parameters.
    clusters: frozenset[str] | None = field(default_factory=deployed_clusters)
    # ECS calls since the last report, by the bucket that they draw on. Each try counts, as it does for ECS.
    calls: Counter[str] = field(default_factory=Counter)
    # Values that earlier invocations of the process have read, and when; each kind has its `steady.aws.cache.Cache`.
    kept: dict[tuple[object, object], tuple[float, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # botocore: emitted after every try, whether it is repeated or not.
        self.session.events.register("needs-retry.ecs", self._count_call)

    @overload
    def side_by_side(self, one: Callable[[], One], two: Callable[[], Two], /) -> tuple[One, Two]: ...

    @overload
    def side_by_side(
        self, one: Callable[[], One], two: Callable[[], Two], three: Callable[[], Three], /
    ) -> tuple[One, Two, Three]: ...

    def side_by_side(self, *works: Callable[[], Any]) -> tuple[Any, ...]:
        """Return what `works` return, called side by side; raise what the first failing one raised.

        A session makes its clients in one thread only: the caller has made those that they use.
        """
        return tuple(self.in_parallel(operator.call, works, at_once=len(works)))

    def work_beside(self, work: Callable[[], One], other: Callable[[Callable[[], bool]], Two]) -> tuple[One, Two]:
        """Do `work`, and `other` beside it; return what both return, as `side_by_side` does.

        Args:
            other: is given a function that says whether the work goes on, and ends soon after it does not.
        """
        goes_on = True

        def do() -> One:
            nonlocal goes_on
            try:
                return work()
            finally:
                goes_on = False

        return self.side_by_side(do, lambda: other(lambda: goes_on))

    def report_calls(self) -> Mapping[str, int]:
        """Put out how many ECS calls there were since the last report, by bucket, and return them."""
        calls = dict(self.calls)
        self.telemetry.api_calls(calls)
        self.calls.clear()
        return calls

    def _count_call(self, operation: OperationModel, **_: object) -> None:
        if bucket := BUCKET_OF.get(operation.name):
            self.calls[bucket.name] += 1

    @cached_property
    def ecs(self) -> ECSClient:
        client: ECSClient = self.session.client("ecs", config=STEP_CONFIG)
        return client

    @cached_property
    def ecs_quick(self) -> ECSClient:
        """A client that waits some ten seconds at most, for what a service-out can do without."""
        client: ECSClient = self.session.client("ecs", config=QUICK_CONFIG)
        return client

    @cached_property
    def ecs_once(self) -> ECSClient:
        """A client without retries, for calls that the next step makes again if they are throttled."""
        client: ECSClient = self.session.client(
            "ecs", config=STEP_CONFIG.merge(Config(retries={"total_max_attempts": 1}))
        )
        return client

    @cached_property
    def elbv2(self) -> ElasticLoadBalancingv2Client:
        client: ElasticLoadBalancingv2Client = self.session.client("elbv2", config=STEP_CONFIG)
        return client

    @cached_property
    def elbv2_once(self) -> ElasticLoadBalancingv2Client:
        """A client without retries that waits for three seconds at most: what it reads is not worth a wait."""
        client: ElasticLoadBalancingv2Client = self.session.client("elbv2", config=ONCE_CONFIG)
        return client

    @cached_property
    def cloud_map(self) -> ServiceDiscoveryClient:
        """A client that gives up after some 10 s: the next step deregisters what is left."""
        client: ServiceDiscoveryClient = self.session.client("servicediscovery", config=QUICK_CONFIG)
        return client

    @cached_property
    def ec2(self) -> EC2Client:
        client: EC2Client = self.session.client("ec2", config=STEP_CONFIG)
        return client

    @cached_property
    def ec2_quick(self) -> EC2Client:
        """A client that gives up after some 10 s: ECS knows most of what is asked, too."""
        client: EC2Client = self.session.client("ec2", config=QUICK_CONFIG)
        return client

    @cached_property
    def autoscaling(self) -> AutoScalingClient:
        client: AutoScalingClient = self.session.client("autoscaling", config=CLIENT_CONFIG)
        return client

    @cached_property
    def autoscaling_quick(self) -> AutoScalingClient:
        """A client that gives up after some 10 s: what it reads is known well enough without it."""
        client: AutoScalingClient = self.session.client("autoscaling", config=QUICK_CONFIG)
        return client

    @cached_property
    def ec2_once(self) -> EC2Client:
        """A client without retries that waits for three seconds at most: the next step reads again."""
        client: EC2Client = self.session.client("ec2", config=ONCE_CONFIG)
        return client

    @cached_property
    def autoscaling_once(self) -> AutoScalingClient:
        """A client without retries that waits for three seconds at most: the next step reads again."""
        client: AutoScalingClient = self.session.client("autoscaling", config=ONCE_CONFIG)
        return client

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        client: DynamoDBClient = self.session.client("dynamodb", config=QUICK_CONFIG)
        return client

    @cached_property
    def dynamodb_once(self) -> DynamoDBClient:
        """A client without retries that waits for one second at most, for answers that are not worth a wait."""
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=1)
        client: DynamoDBClient = self.session.client("dynamodb", config=config)
        return client

    @cached_property
    def ssm(self) -> SSMClient:
        client: SSMClient = self.session.client("ssm", config=QUICK_CONFIG)
        return client

    @cached_property
    def s3(self) -> S3Client:
        client: S3Client = self.session.client("s3", config=CLIENT_CONFIG)
        return client

    @cached_property
    def events(self) -> EventBridgeClient:
        client: EventBridgeClient = self.session.client("events", config=QUICK_CONFIG)
        return client

    @cached_property
    def step_functions(self) -> Any:
        return self.session.client("stepfunctions", config=QUICK_CONFIG)

    @cached_property
    def glue(self) -> GlueClient:
        client: GlueClient = self.session.client("glue", config=CLIENT_CONFIG)
        return client

    @cached_property
    def athena(self) -> AthenaClient:
        client: AthenaClient = self.session.client("athena", config=CLIENT_CONFIG)
        return client

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        client: CloudWatchLogsClient = self.session.client("logs", config=CLIENT_CONFIG)
        return client

    @cached_property
    def sns(self) -> SNSClient:
        client: SNSClient = self.session.client("sns", config=CLIENT_CONFIG)
        return client

    @cached_property
    def sqs(self) -> SQSClient:
        client: SQSClient = self.session.client("sqs", config=CLIENT_CONFIG)
        return client

    @cached_property
    def sqs_once(self) -> SQSClient:
        """A client without retries that waits for two seconds at most, for messages that can be sent later."""
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=2)
        client: SQSClient = self.session.client("sqs", config=config)
        return client


def batches(items: Iterable[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield `items` in lists of at most `size`, the most that one call takes."""
    rest = iter(items)
    while batch := list(itertools.islice(rest, size)):
        yield batch
