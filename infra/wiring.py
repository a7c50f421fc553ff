"""Describe how events reach the functions. Both the stacks and the simulated account are built from this.

This module does not import CDK: the simulator imports it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoscaler import triggers
from interruption_handler import notices
from runtask_failure import reported_call
from steady.queued_run import STARTED_BY

TICK_S = 60


@dataclass(frozen=True, slots=True)
class Feed:
    """A queue and the function that it feeds. Times are in seconds.

    `batch_size` over 10 needs a batching window (SQS to Lambda). A message whose step crashed is delivered again after
    `visibility_s`, which is at least the function's timeout. A message that was received `max_receives` times goes to
    the dead-letter queue.

    `max_concurrency` is how many invocations run at once, at least 2; None: as many as Lambda likes, which are five
    pollers at first (AWS Lambda guide, "Configuring scaling behavior for SQS event source mappings").
    """

    function: str
    handler: str
    timeout_s: int
    visibility_s: int
    batch_size: int
    window_s: int
    max_receives: int
    patterns: tuple[Mapping[str, Any], ...] = ()
    max_concurrency: int | None = None


PLACEMENT_FAILURE = {
    "source": ["aws.ecs"],
    "detail-type": ["ECS Service Action"],
    "detail": {"eventName": [triggers.PLACEMENT_FAILURE]},
}

INTERRUPTION = Feed(
    function="interruption-handler",
    handler="interruption_handler.handler.handle",
    # A look at 500 instances takes some 20 s where a call takes 0.3 s.
    timeout_s=30,
    visibility_s=30,
    # The notices of a whole fleet come within seconds: one step handles all of them.
    batch_size=1000,
    window_s=1,
    # Of crashes alone, about 150 s of retries: a step that fails sends its messages again itself.
    max_receives=6,
    patterns=tuple(kind.PATTERN for kind in notices.KINDS),
)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A function that a schedule calls. Lambda repeats a failed run twice, after the timeout of each."""

    function: str
    handler: str
    timeout_s: int


# The memory of each function, by a measured table of time and cost (docs/benchmarks.md, "Sizes"). A function that
# something waits for has a whole vCPU: that costs little, since it runs seldom.
MEMORY_MB: Mapping[str, int] = {
    "interruption-handler": 1769,
    "runtask-failure": 1769,
    "task-launcher": 1769,
    "autoscaler": 512,
    "log-catalog": 512,
    "task-status": 256,
}

# 5,000 tables at about 20 calls a second take 250 s.
LOG_CATALOG = Scheduled("log-catalog", "log_catalog.handler.handle", timeout_s=600)

AUTOSCALER = Feed(
    function="autoscaler",
    handler="autoscaler.handler.handle",
    timeout_s=60,
    visibility_s=60,
    batch_size=100,
    window_s=1,
    max_receives=3,
    patterns=(PLACEMENT_FAILURE,),
    # Decisions about one cluster at the same time lose races with each other (`steady.aws.scaling.ledger`).
    max_concurrency=2,
)

RUNTASK_FAILURE = Feed(
    function="runtask-failure",
    handler="runtask_failure.handler.handle",
    timeout_s=60,
    visibility_s=60,
    # A burst of failures makes one decision; the first waits 2 s at most.
    batch_size=1000,
    window_s=2,
    max_receives=3,
    max_concurrency=2,
)

# Calls of RunTask that CloudTrail reports, where the deployment asks for them.
FAILED_CALLS = reported_call.PATTERNS

# The ends of the queue's tasks for which a state of Step Functions waits.
LAUNCHED_TASK_END: Mapping[str, Any] = {
    "source": ["aws.ecs"],
    "detail-type": ["ECS Task State Change"],
    "detail": {"lastStatus": ["STOPPED"], "startedBy": [{"prefix": STARTED_BY}]},
}

TASK_LAUNCHER = Feed(
    function="task-launcher",
    handler="task_launcher.handler.handle",
    # A round begins nothing new after 4 s. After a crash, its cluster waits for another round for 4 s at most.
    timeout_s=10,
    visibility_s=30,
    # A burst of requests makes one round. Each is kept by a call of DynamoDB before the round.
    batch_size=300,
    window_s=1,
    max_receives=6,
    patterns=(LAUNCHED_TASK_END,),
    max_concurrency=2,
)

# The states that a launcher waits for, of tasks without a service. The clusters are added from the deployment's.
BATCH_TASK: Mapping[str, Any] = {
    "source": ["aws.ecs"],
    "detail-type": ["ECS Task State Change"],
    "detail": {"lastStatus": ["RUNNING", "STOPPED"], "group": [{"anything-but": {"prefix": "service:"}}]},
}

TASK_STATUS = Feed(
    function="task-status",
    handler="task_status.handler.handle",
    timeout_s=30,
    visibility_s=30,
    batch_size=100,
    # A launcher looks every second.
    window_s=1,
    max_receives=5,
)
