"""Elastic Load Balancing: targets that register, take requests, drain and leave, and the requests that fail.

Requests are not simulated one by one. The arrivals and durations of each target's requests follow from the seed, and
are computed when its task ends. A request fails in two cases: it arrives after the task's SIGTERM, when the task no
longer listens; or the task ends before it has answered. What arrives while no target takes requests is unserved: the
load balancer answers 503.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from simulator import target_health
from simulator.clients import REGION
from simulator.clock import Clock
from simulator.endpoint import ACCOUNT_ID, Params
from simulator.errors import AwsError
from simulator.unserved import Serving

# Seconds for which a load balancer still sends requests to a deregistered target.
PROPAGATION_S = 1.0
# Seconds for which a Network Load Balancer still does so, whatever state it shows (containers-roadmap #470).
LINGERS_S = (30.0, 120.0)
# ELB: the protocols of an Application Load Balancer.
OF_APPLICATIONS = ("HTTP", "HTTPS")
# ELB: target groups a call (DescribeTargetGroups).
MAX_GROUPS_DESCRIBED = 20
# Seconds from the registration of a target until it is healthy.
HEALTHY_AFTER_S = 10.0
# The longest request, in seconds. Most requests are short; about one in a hundred takes seconds.
LONGEST_REQUEST_S = 15.0


@dataclass(eq=False, slots=True)
class RegisteredTarget:
    """One target of a target group, from its registration until it has left. Times are in seconds since the epoch.

    Attributes:
        lingers_s: seconds for which the load balancer still sends it requests once it is deregistered.
        left_at: when its last request has ended, or will have.
        unused_at: from when on it is displayed as `unused`: not before `left_at`.
        closed_at: when its task got SIGTERM and stopped listening.
        ended_at: when its task ended.
        is_serving: whether it is counted among the targets that take requests.
        failed: how many of its requests failed; known once its task has ended.
    """

    group: TargetGroup
    id: str
    port: int
    healthy_at: float
    lingers_s: float = PROPAGATION_S
    deregistered_at: float | None = None
    left_at: float | None = None
    unused_at: float | None = None
    closed_at: float | None = None
    ended_at: float | None = None
    is_serving: bool = False
    failed: int = 0

    @property
    def key(self) -> tuple[str, int]:
        return self.id, self.port

    def takes_requests(self, now: float) -> bool:
        """Return whether the load balancer sends it new requests at the time `now`."""
        return self.healthy_at <= now < self.routed_until

    @property
    def routed_until(self) -> float:
        """The time after which the load balancer sends no request; infinite before the deregistration."""
        return float("inf") if self.deregistered_at is None else self.deregistered_at + self.lingers_s

    def state(self, now: float) -> str:
        """Return the target's health state, as DescribeTargetHealth names it."""
        if self.unused_at is not None and now >= self.unused_at:
            return "unused"
        if self.deregistered_at is not None:
            return "draining"
        return "healthy" if now >= self.healthy_at else "initial"


@dataclass(eq=False, slots=True)
class TargetGroup:
    """One target group.

    Attributes:
        protocol: HTTP or HTTPS behind an Application Load Balancer; TCP and others behind a Network Load Balancer.
        port: the port at which an instance is registered if none is named.
        delay_s: the deregistration delay, in seconds.
        requests_per_s: how many requests a second each of its targets gets.
        serving: how many targets take requests, and for how long none did.
        is_wanted: whether its service wants tasks; without a target, requests are unserved only then.
    """

    name: str
    kind: str = "instance"
    delay_s: float = 300.0
    requests_per_s: float = 2.0
    protocol: str = "HTTP"
    port: int = 80
    targets: dict[tuple[str, int], RegisteredTarget] = field(default_factory=dict)
    serving: Serving = field(default_factory=Serving)
    is_wanted: Callable[[], bool] = lambda: True

    @property
    def sends_on_s(self) -> float:
        """For how many seconds requests are still sent to a deregistered target; a Network Load Balancer's: drawn."""
        return PROPAGATION_S

    @property
    def is_waited_for(self) -> bool:
        """Whether ECS, when it stops a task itself, sends SIGTERM only once the target has left."""
        return True

    @property
    def is_by_task(self) -> bool:
        """Whether what is registered has the id of its task, and not an instance's id or an address."""
        return False

    @property
    def arn(self) -> str:
        return f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT_ID}:targetgroup/{self.name}/0123456789abcdef"


class LoadBalancing:
    """All target groups of the account, and the number of requests that failed.

    Attributes:
        is_target: whether a target of this id exists. One that does not fails DeregisterTargets with InvalidTarget.
        failed_by_target: the failed requests by the target's id (an instance's id, or an IP address).

    Args:
        displays_delay: whether a target is displayed as `draining` until its group's delay has passed
            (`simulator.timing.Timing`).
    """

    def __init__(self, clock: Clock, rng: random.Random, *, displays_delay: bool = False) -> None:
        self.clock = clock
        self.displays_delay = displays_delay
        self.groups: dict[str, TargetGroup] = {}
        self.is_target = target_health.is_target
        self.failed_requests = 0
        self.failed_by_target: Counter[str] = Counter()
        self._rng = rng
        # Durations, used in turn: exponential, with a long tail that is cut off. 997 is prime, so the sequence
        # does not fall into step with a service's request rate.
        self._durations = tuple(
            min(LONGEST_REQUEST_S, rng.expovariate(1 / 5.0) if rng.random() < 0.01 else rng.expovariate(1 / 0.3))
            for _ in range(997)
        )

    def add(self, group: TargetGroup) -> TargetGroup:
        """Add a target group to the account, and return it."""
        self.groups[group.arn] = group
        return group

    def register(self, group_arn: str, target_id: str, port: int) -> RegisteredTarget:
        """Register a target. It takes requests `HEALTHY_AFTER_S` seconds later."""
        group = self.groups[group_arn]
        target = RegisteredTarget(group, target_id, port, self.clock.now + HEALTHY_AFTER_S, group.sends_on_s)
        if group.protocol not in OF_APPLICATIONS:
            target.lingers_s = self._rng.uniform(*LINGERS_S)
        group.targets[target.key] = target
        self.clock.at(target.healthy_at, lambda: self._begin_serving(target))
        return target

    def deregister(self, target: RegisteredTarget) -> None:
        """Begin to drain `target`. It leaves once its requests are answered, or at the end of its group's delay."""
        if target.deregistered_at is not None:
            return
        target.deregistered_at = self.clock.now
        ends = [at + duration for at, duration in self._requests(target, self.clock.now - LONGEST_REQUEST_S)]
        delay_ends_at = self.clock.now + target.group.delay_s
        target.left_at = max([target.routed_until, *ends])
        if target.group.is_waited_for:
            target.left_at = min(delay_ends_at, target.left_at)
        target.unused_at = max(target.left_at, delay_ends_at) if self.displays_delay else target.left_at
        self.clock.at(target.routed_until, lambda: self._end_serving(target))
        if self.displays_delay:
            self.clock.at(target.unused_at, lambda: self._forget(target))
        self._count_failed(target)

    def close_target(self, target: RegisteredTarget) -> None:
        """Note that the target's task got SIGTERM and accepts no more requests."""
        if target.closed_at is None:
            target.closed_at = self.clock.now

    def end_target(self, target: RegisteredTarget) -> None:
        """Note that the target's task has ended."""
        self.close_target(target)
        if target.ended_at is None:
            target.ended_at = self.clock.now
            self._count_failed(target)

    @property
    def unserved_requests(self) -> int:
        """How many requests arrived so far while no target of their group took requests."""
        self._look_at_all()
        return round(sum(g.serving.target_seconds * g.requests_per_s for g in self.groups.values()))

    def seconds_without_target(self) -> dict[str, float]:
        """Return the seconds in which a group had no target that took requests, by its name; none: left out."""
        self._look_at_all()
        return {g.name: g.serving.seconds for g in self.groups.values() if g.serving.seconds}

    def look(self, group_arn: str) -> None:
        """Note that the service of a group may want tasks now, or may want none any more."""
        group = self.groups[group_arn]
        group.serving.look(self.clock.now, wanted=group.is_wanted())

    def _look_at_all(self) -> None:
        for arn in self.groups:
            self.look(arn)

    def _begin_serving(self, target: RegisteredTarget) -> None:
        if self.clock.now < target.routed_until:
            target.is_serving = True
            target.group.serving.change(self.clock.now, 1, wanted=target.group.is_wanted())

    def _end_serving(self, target: RegisteredTarget) -> None:
        if target.is_serving:
            target.is_serving = False
            target.group.serving.change(self.clock.now, -1, wanted=target.group.is_wanted())

    def describe_target_health(self, params: Params) -> dict[str, object]:
        group = self._group(params)
        asked = params.get("Targets")
        keys = target_health.keys_of(group.port, asked) if asked else list(group.targets)
        known, now = group.targets, self.clock.now
        states = {key: known[key].state(now) if key in known else "unused" for key in keys}
        return {"TargetHealthDescriptions": [target_health.described(key, states[key]) for key in keys]}

    def describe_target_groups(self, params: Params) -> dict[str, object]:
        arns = params["TargetGroupArns"]
        if len(arns) > MAX_GROUPS_DESCRIBED:
            raise AwsError("ValidationError", f"Up to {MAX_GROUPS_DESCRIBED} target groups can be described at once")
        groups = [self._group({"TargetGroupArn": arn}) for arn in arns]
        return {
            "TargetGroups": [
                {
                    "TargetGroupArn": group.arn,
                    "TargetGroupName": group.name,
                    "Protocol": group.protocol,
                    "Port": group.port,
                    "TargetType": group.kind,
                    "IpAddressType": "ipv4",
                }
                for group in groups
            ]
        }

    def deregister_targets(self, params: Params) -> dict[str, object]:
        group = self._group(params)
        for key in target_health.keys_of(group.port, params["Targets"], self.is_target):
            if target := group.targets.get(key):
                self.deregister(target)
        return {}

    def _group(self, params: Params) -> TargetGroup:
        group = self.groups.get(params["TargetGroupArn"])
        if group is None:
            raise AwsError("TargetGroupNotFound", f"Target groups '{params['TargetGroupArn']}' not found")
        return group

    def _requests(self, target: RegisteredTarget, since: float) -> Iterator[tuple[float, float]]:
        """Yield the arrival time and the duration of each request to `target` from `since` on."""
        rate = target.group.requests_per_s
        if rate <= 0 or target.routed_until == float("inf"):
            return
        first = max(0, int((since - target.healthy_at) * rate))
        for index in itertools.count(first):
            at = target.healthy_at + index / rate
            if at >= target.routed_until:
                return
            yield at, self._durations[(index + target.port) % len(self._durations)]

    def _count_failed(self, target: RegisteredTarget) -> None:
        """Count the failed requests, once both the end of the task and the last request are known."""
        if target.ended_at is None or target.deregistered_at is None or target.closed_at is None:
            return
        since = min(target.ended_at, target.closed_at) - LONGEST_REQUEST_S
        failed = sum(
            at >= target.closed_at or at + duration > target.ended_at for at, duration in self._requests(target, since)
        )
        target.failed = failed
        self.failed_requests += failed
        self.failed_by_target[target.id] += failed
        if target.ended_at > (target.unused_at or 0):
            self._forget(target)

    def _forget(self, target: RegisteredTarget) -> None:
        # The same instance and port may have been registered again: that is another target.
        if target.group.targets.get(target.key) is target:
            del target.group.targets[target.key]
