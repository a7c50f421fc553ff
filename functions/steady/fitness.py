"""What fits the suite: the times that a notice leaves, and what is looked at of a cluster to see whether it does.

Of a Spot notice's 120 seconds, the first step takes some 10, and stopping a task its stop timeout and 8 more: what is
left is for the requests that its targets still have.
"""

from __future__ import annotations

from dataclasses import dataclass

from steady.arns import family_of
from steady.cluster import PoolKind, PoolName
from steady.drain import NOTICE_S, STOP_MARGIN_S

HOOK_NAME = "steady-drain"
HOOK_HEARTBEAT_S = 300
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"

# From EC2's notice until the targets are deregistered (docs/simulator.md: 7 s for a fleet of 100), and some to spare.
FIRST_STEP_S = 10
# ELB closes what a target has in flight at the end of its delay: most requests take less than this.
SHORTEST_DELAY_S = 30
DELAY_S = 60
# A replacement that takes requests later than this leaves a gap when a notice ends.
LONGEST_HEALTHY_S = 60
HEALTH_INTERVAL_S = 5
HEALTHY_COUNT = 2
UNHEALTHY_COUNT = 3
LONGEST_SLOW_START_S = 60
SLOW_START_S = 30


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """One target group of a service. Times are in seconds; `stop_timeout_s` is of the service's tasks."""

    arn: str
    service: str
    delay_s: int
    slow_start_s: int
    health_interval_s: int
    healthy_count: int
    stop_timeout_s: int

    @property
    def name(self) -> str:
        return f"target group {self.arn.split('/')[-2]} of service {self.service}"


@dataclass(frozen=True, slots=True)
class Revision:
    """A task definition in use: of a service, or of batch tasks (`service` is empty).

    `stop_timeout_s` is the longest of its containers, in seconds; `balanced` is whether its tasks have targets.
    """

    task_definition: str
    stop_timeout_s: int
    service: str = ""
    balanced: bool = False

    @property
    def family(self) -> str:
        return family_of(self.task_definition)

    @property
    def name(self) -> str:
        return f"service {self.service}" if self.service else f"batch task {self.family}"


@dataclass(frozen=True, slots=True)
class LaunchTemplate:
    """What a pool starts its instances from; `id` is empty for a launch configuration or specification."""

    id: str
    version: str
    user_data: str = ""
    terminations_disabled: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """A container instance as EC2 knows it: the pool that its tags name, and the cluster that our own tag names."""

    instance_id: str
    pool: PoolName | None
    cluster_tag: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """All that the doctor looks at, of one cluster. `hooks` are the transitions of the group's lifecycle hooks.

    `protected` are ids of instances under scale-in protection; `policies` and `capacity_providers` are the names of
    others that set the group's capacity.
    """

    cluster: str
    pool: PoolName
    target_groups: tuple[TargetGroup, ...] = ()
    revisions: tuple[Revision, ...] = ()
    templates: tuple[LaunchTemplate, ...] = ()
    members: tuple[Member, ...] = ()
    hooks: tuple[str, ...] = ()
    protects_new: bool = False
    protected: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    capacity_providers: tuple[str, ...] = ()
    fleet_type: str = "maintain"

    @property
    def on_spot(self) -> bool:
        return self.pool.kind is PoolKind.SPOT_FLEET


def longest_delay_s(stop_timeout_s: int) -> int:
    """The longest deregistration delay that ends within a notice, before a task with this stop timeout is stopped."""
    return int(NOTICE_S - FIRST_STEP_S - STOP_MARGIN_S - stop_timeout_s)
