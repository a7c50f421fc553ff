"""Values that a simulation returns: samples of each cluster, calls, the use of each function, and figures."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.endpoint import Counts
from simulator.lambdas import Function
from simulator.suite import LogLine
from simulator.workload.plan import LeftOut
from simulator.workload.pool_plan import PoolPlan
from steady.pools import PoolKind

UNDONE_WITHIN_S = 600


@dataclass(frozen=True, slots=True)
class Sample:
    """A cluster at one moment.

    Attributes:
        at_s: seconds from the start of the simulation.
        target: the target capacity of its pool, in units.
        instances: how many container instances are registered.
        demand: the demand in instances, as the lower bound counts it.
        cpu_percent, memory_percent: the reservation.
    """

    at_s: float
    target: int
    instances: int
    demand: float
    cpu_percent: float
    memory_percent: float
    waiting_tasks: int


@dataclass(frozen=True, slots=True)
class LateStart:
    """A task that did not start at once: it was placed at `at_s`, after it had waited for `waited_s` seconds."""

    at_s: float
    waited_s: float
    name: str


@dataclass(frozen=True, slots=True)
class TakenTask:
    """A task on an instance that was interrupted. Times are in seconds from the start; None: it never came to that.

    Attributes:
        name: its service, or its family.
        deregistered_s: when its first target was deregistered; None: it has none, or its task ended first.
        ended_s: when its container ended, or its instance with it.
        killed: whether it was still running, or stopping, when its instance was terminated.
        failed_requests: requests that it could not answer.
    """

    name: str
    placed_s: float
    deregistered_s: float | None
    sigterm_s: float | None
    ended_s: float | None
    killed: bool
    failed_requests: int
    is_of_service: bool


@dataclass(frozen=True, slots=True)
class TakenInstance:
    """An instance that got an interruption notice. Times are in seconds from the start; None: it never came to that.

    Attributes:
        gone_s: when it was terminated.
    """

    id: str
    noticed_s: float
    draining_s: float | None
    gone_s: float | None
    tasks: tuple[TakenTask, ...]


@dataclass
class ClusterRecord:
    """The events of one cluster during the run.

    Attributes:
        taken: the instances that got an interruption notice, in the order of their notices.
        late: the tasks that did not start at once, in the order in which they were placed.
        left_out: work that fits no instance; None: there is none.
        pools: the pools of a cluster with several; nothing where it has one, of `kind` and `instance_type`.
    """

    name: str
    kind: PoolKind
    instance_type: str
    samples: list[Sample] = field(default_factory=list)
    taken: tuple[TakenInstance, ...] = ()
    late: tuple[LateStart, ...] = ()
    left_out: LeftOut | None = None
    pools: Mapping[str, PoolPlan] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallSample:
    """The ECS calls of all functions in the minute that ends at `at_s`, by token bucket."""

    at_s: float
    by_bucket: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FunctionUse:
    """The mean use of one invocation of a function.

    Attributes:
        invocations: how many invocations the mean is of.
        cpu_s: CPU time of the function's own code, in real seconds.
        waits_s: waiting for answers, in simulated seconds.
    """

    invocations: int
    cpu_s: float
    waits_s: float

    @staticmethod
    def of(function: Function, counts: Counts) -> FunctionUse:
        """Return the use of `function`. `counts` are those of its calls, of a run that was timed."""
        many = max(1, function.invocations)
        return FunctionUse(function.invocations, (function.cpu_s - counts.answers_cpu_s) / many, function.took_s / many)


@dataclass(frozen=True)
class Outcome:
    """The result of a simulation of one policy.

    Attributes:
        figures: the figures that docs/simulator.md explains.
        log_lines: what the functions logged.
        started_at: the start, in seconds since the epoch.
        thresholds: those that differ from the defaults.
        functions: the use of each function; empty unless the scenario is timed.
    """

    policy: str
    figures: dict[str, Any]
    clusters: tuple[ClusterRecord, ...]
    log_lines: tuple[LogLine, ...]
    started_at: float
    thresholds: Mapping[str, int | str]
    calls: tuple[CallSample, ...] = ()
    functions: Mapping[str, FunctionUse] = field(default_factory=dict)


def decreases(samples: Sequence[Sample]) -> dict[str, int]:
    """Count the minutes in which a cluster's target fell, and how many of these falls were undone.

    A fall is undone if the target rises within `UNDONE_WITHIN_S`: what went had to be launched again.
    """
    changes = [(after.at_s, after.target - before.target) for before, after in itertools.pairwise(samples)]
    rises = [at_s for at_s, by in changes if by > 0]
    falls = [at_s for at_s, by in changes if by < 0]
    undone = sum(any(0 < rise - fall <= UNDONE_WITHIN_S for rise in rises) for fall in falls)
    return {"all": len(falls), "undone": undone}


def waits(seconds: list[float]) -> dict[str, float]:
    """Return the percentiles p50, p95 and p99, the maximum and the sum of the waiting times `seconds`."""
    if not seconds:
        return {"p50": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0, "total": 0.0}
    cuts = statistics.quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else seconds * 99
    return {
        "p50": round(cuts[49], 1),
        "p95": round(cuts[94], 1),
        "p99": round(cuts[98], 1),
        "max": round(max(seconds), 1),
        "total": round(sum(seconds), 1),
    }
