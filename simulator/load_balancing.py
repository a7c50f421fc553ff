"""Elastic Load Balancing: targets that register, take requests, drain and leave; and the requests that fail.

Requests are not simulated one by one: each target's arrivals and their durations follow from the seed, and are looked
at when a task goes. A request fails if its task had its SIGTERM (and listens no longer) when it arrived, or was gone
before it was answered.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from simulator.clock import Clock
from simulator.endpoint import ACCOUNT_ID, REGION, Params
from simulator.errors import AwsError

# How long a load balancer's nodes still send requests to a target that was deregistered.
PROPAGATION_S = 1.0
HEALTHY_AFTER_S = 10.0
# Most requests are short; one in a hundred or so takes up to this.
LONGEST_REQUEST_S = 15.0


@dataclass(eq=False, slots=True)
class RegisteredTarget:
    """One target of a target group, from its registration until it left."""

    group: TargetGroup
    id: str
    port: int
    healthy_at: float
    deregistered_at: float | None = None
    left_at: float | None = None
    # When its task listens no longer, and when the task is gone.
    deaf_at: float | None = None
    gone_at: float | None = None

    @property
    def key(self) -> tuple[str, int]:
        return self.id, self.port

    def takes_requests(self, now: float) -> bool:
        """Whether the load balancer still sends it new requests."""
        return self.healthy_at <= now < self.routed_until

    @property
    def routed_until(self) -> float:
        return float("inf") if self.deregistered_at is None else self.deregistered_at + PROPAGATION_S

    def state(self, now: float) -> str:
        if self.left_at is not None and now >= self.left_at:
            return "unused"
        if self.deregistered_at is not None:
            return "draining"
        return "healthy" if now >= self.healthy_at else "initial"


@dataclass(eq=False, slots=True)
class TargetGroup:
    """One target group. `requests_per_s` is what each of its targets gets."""

    name: str
    kind: str = "instance"
    delay_s: float = 300.0
    requests_per_s: float = 2.0
    targets: dict[tuple[str, int], RegisteredTarget] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT_ID}:targetgroup/{self.name}/0123456789abcdef"


class LoadBalancing:
    """All target groups of the account, and the count of the requests that failed."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self.clock = clock
        self.groups: dict[str, TargetGroup] = {}
        self.failed_requests = 0
        # The same by the target's id: an instance's, or an address.
        self.failed_by_target: Counter[str] = Counter()
        # A cycle of durations, of a length that is coprime to most rates: exponential with a long tail, cut.
        self._durations = tuple(
            min(LONGEST_REQUEST_S, rng.expovariate(1 / 5.0) if rng.random() < 0.01 else rng.expovariate(1 / 0.3))
            for _ in range(997)
        )

    def add(self, group: TargetGroup) -> TargetGroup:
        self.groups[group.arn] = group
        return group

    def register(self, group_arn: str, target_id: str, port: int) -> RegisteredTarget:
        group = self.groups[group_arn]
        target = RegisteredTarget(group, target_id, port, self.clock.now + HEALTHY_AFTER_S)
        group.targets[target.key] = target
        return target

    def deregister(self, target: RegisteredTarget) -> None:
        """Begins to drain `target`: it leaves once it is idle, or at the end of its group's delay."""
        if target.deregistered_at is not None:
            return
        target.deregistered_at = self.clock.now
        ends = [at + duration for at, duration in self._requests(target, self.clock.now - LONGEST_REQUEST_S)]
        target.left_at = min(self.clock.now + target.group.delay_s, max([target.routed_until, *ends]))
        self._settle(target)

    def task_deaf(self, target: RegisteredTarget) -> None:
        """The target's task got its SIGTERM: it accepts no request any more."""
        if target.deaf_at is None:
            target.deaf_at = self.clock.now

    def task_gone(self, target: RegisteredTarget) -> None:
        self.task_deaf(target)
        if target.gone_at is None:
            target.gone_at = self.clock.now
            self._settle(target)

    def describe_target_health(self, params: Params) -> dict[str, object]:
        group = self._group(params)
        asked = params.get("Targets")
        keys = [(t["Id"], t.get("Port", 0)) for t in asked] if asked else list(group.targets)
        return {"TargetHealthDescriptions": [self._health(group, key) for key in keys]}

    def deregister_targets(self, params: Params) -> dict[str, object]:
        group = self._group(params)
        for asked in params["Targets"]:
            target = group.targets.get((asked["Id"], asked.get("Port", 0)))
            if target:
                self.deregister(target)
        return {}

    def _group(self, params: Params) -> TargetGroup:
        group = self.groups.get(params["TargetGroupArn"])
        if group is None:
            raise AwsError("TargetGroupNotFound", f"Target groups '{params['TargetGroupArn']}' not found")
        return group

    def _health(self, group: TargetGroup, key: tuple[str, int]) -> dict[str, object]:
        target = group.targets.get(key)
        state = target.state(self.clock.now) if target else "unused"
        return {"Target": {"Id": key[0], "Port": key[1]}, "TargetHealth": {"State": state}}

    def _requests(self, target: RegisteredTarget, since: float) -> Iterator[tuple[float, float]]:
        """When requests are sent to `target` from `since` on until it gets no more, and how long each takes."""
        rate = target.group.requests_per_s
        if rate <= 0 or target.routed_until == float("inf"):
            return
        first = max(0, int((since - target.healthy_at) * rate))
        for index in itertools.count(first):
            at = target.healthy_at + index / rate
            if at >= target.routed_until:
                return
            yield at, self._durations[(index + target.port) % len(self._durations)]

    def _settle(self, target: RegisteredTarget) -> None:
        """Counts the failed requests, once it is known both when the task went and when the last request was sent."""
        if target.gone_at is None or target.deregistered_at is None or target.deaf_at is None:
            return
        since = min(target.gone_at, target.deaf_at) - LONGEST_REQUEST_S
        failed = sum(
            at >= target.deaf_at or at + duration > target.gone_at for at, duration in self._requests(target, since)
        )
        self.failed_requests += failed
        self.failed_by_target[target.id] += failed
        # Whoever registers the same instance and port again is another target.
        if target.group.targets.get(target.key) is target and target.gone_at > (target.left_at or 0):
            del target.group.targets[target.key]
