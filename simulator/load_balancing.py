"""Elastic Load Balancing: targets that register, take requests, drain and leave, and the requests that fail.

Requests are not simulated one by one. The arrivals and durations of each target's requests follow from the seed, and
are computed when its task ends. A request fails in two cases: it arrives after the task's SIGTERM, when the task no
longer listens; or the task ends before it has answered. What arrives while no target takes requests is unserved: the
load balancer answers 503.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterator

from simulator import target_health
from simulator.clock import Clock
from simulator.endpoint import Params
from simulator.errors import AwsError
from simulator.target_groups import RegisteredTarget, TargetGroup

# Seconds for which a Network Load Balancer still does so, whatever state it shows (containers-roadmap #470).
LINGERS_S = (30.0, 120.0)
# ELB: the protocols of an Application Load Balancer.
OF_APPLICATIONS = ("HTTP", "HTTPS")
# ELB: target groups a call (DescribeTargetGroups).
MAX_GROUPS_DESCRIBED = 20
# Seconds from the registration of a target until it is healthy.
HEALTHY_AFTER_S = 10.0
# Seconds from the registration of a target that fails its checks until it is unhealthy (ELB: by default two checks, one
# each 30 s).
UNHEALTHY_AFTER_S = 60.0
# The longest request, in seconds. Most requests are short; about one in a hundred takes seconds.
LONGEST_REQUEST_S = 15.0


class LoadBalancing:
    """All target groups of the account, and the number of requests that failed.

    Attributes:
        is_target: whether a target of this id exists. One that does not fails DeregisterTargets with InvalidTarget.
        failing: the ids of targets that fail their health checks.
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
        self.failing: set[str] = set()
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
        if target_id in self.failing:
            target.healthy_at, target.unhealthy_at = math.inf, self.clock.now + UNHEALTHY_AFTER_S
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
        self.look_at_all()
        return round(sum(g.serving.target_seconds * g.requests_per_s for g in self.groups.values()))

    def seconds_without_target(self) -> dict[str, float]:
        """Return the seconds in which a group had no target that took requests, by its name; none: left out."""
        self.look_at_all()
        return {g.name: g.serving.seconds for g in self.groups.values() if g.serving.seconds}

    def look(self, group_arn: str) -> None:
        """Note that the service of a group may want tasks now, or may want none any more."""
        group = self.groups[group_arn]
        group.serving.look(self.clock.now, wanted=group.is_wanted())

    def look_at_all(self) -> None:
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
        if not params["Targets"]:
            raise AwsError("ValidationError", "At least one target must be specified")
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
        if rate <= 0 or math.inf in (target.routed_until, target.healthy_at):
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
