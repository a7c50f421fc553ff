"""How events reach the functions: the one description that both the stacks and the simulated account are built from.

No CDK in here: the simulator imports it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoscaler import triggers
from interruption_handler import notices

TICK_S = 60


@dataclass(frozen=True, slots=True)
class Feed:
    """A queue and the function that it feeds. Times are in seconds.

    `batch_size` over 10 needs a batching window (SQS to Lambda). A message whose step crashed is taken up again after
    `visibility_s`, which is at least the function's timeout.
    """

    function: str
    handler: str
    timeout_s: int
    visibility_s: int
    batch_size: int
    window_s: int
    max_receives: int
    patterns: tuple[Mapping[str, Any], ...] = ()


PLACEMENT_FAILURE = {
    "source": ["aws.ecs"],
    "detail-type": ["ECS Service Action"],
    "detail": {"eventName": [triggers.PLACEMENT_FAILURE]},
}

INTERRUPTION = Feed(
    function="interruption-handler",
    handler="interruption_handler.handler.handle",
    timeout_s=20,
    visibility_s=20,
    # A whole fleet's notices come within seconds: one step for all of them.
    batch_size=1000,
    window_s=1,
    # Some 100 s of tries: a notice is worth nothing after its two minutes.
    max_receives=6,
    patterns=tuple(kind.PATTERN for kind in notices.KINDS),
)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A function that the clock calls."""

    function: str
    handler: str
    timeout_s: int


# What each function is given, by a measured table of time and cost (docs/benchmarks.md, "Sizes"). What somebody waits
# for has a whole vCPU: it costs next to nothing, since it runs seldom.
MEMORY_MB: Mapping[str, int] = {
    "interruption-handler": 1769,
    "runtask-failure": 1769,
    "autoscaler": 512,
    "log-catalog": 512,
    "task-status": 256,
}

# 5,000 tables at some 20 calls a second, with room to spare.
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
)

# Of the tasks that no service has started, the states that somebody waits for. The clusters are the deployment's.
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
    # A launcher looks each second.
    window_s=1,
    max_receives=5,
)
