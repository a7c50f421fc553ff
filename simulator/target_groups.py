"""Target groups and their targets: when these take requests, and the state that Elastic Load Balancing displays."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.clients import REGION
from simulator.endpoint import ACCOUNT_ID
from simulator.unserved import Serving

# Seconds for which a load balancer still sends requests to a deregistered target.
PROPAGATION_S = 1.0


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
        unhealthy_at: from when on its health checks say that it is unhealthy.
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
    unhealthy_at: float = math.inf

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
        if self.is_unhealthy(now):
            return "unhealthy.draining" if now < self.unhealthy_at + self.group.unhealthy_drains_s else "unhealthy"
        return "healthy" if now >= self.healthy_at else "initial"

    def is_unhealthy(self, now: float) -> bool:
        """Return whether it has failed its health checks."""
        return now >= self.unhealthy_at


@dataclass(eq=False, slots=True)
class TargetGroup:
    """One target group.

    Attributes:
        protocol: HTTP or HTTPS behind an Application Load Balancer; TCP and others behind a Network Load Balancer.
        port: the port at which an instance is registered if none is named.
        delay_s: the deregistration delay, in seconds.
        unhealthy_drains_s: for how long an unhealthy target is displayed as `unhealthy.draining` first (ELB API,
            TargetGroupAttribute: target_health_state.unhealthy.draining_interval_seconds, of Network Load Balancers).
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
    unhealthy_drains_s: float = 0.0
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
