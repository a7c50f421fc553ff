"""Limits of health checks and deregistration delays that fit into a Spot notice.

Of a Spot notice's 120 seconds, the first step takes about 10. Stopping a task takes its stop timeout and 8 more. The
rest is for the requests that its targets still have in flight.
"""

from __future__ import annotations

from steady.service_out.doomed import NOTICE_S
from steady.service_out.drain import RELEASE_MARGIN_S
from steady.service_out.stops import STOP_MARGIN_S
from steady.thresholds import Thresholds

# From EC2's notice until targets are deregistered (docs/simulator.md: 7 s for a fleet of 100), with 3 s to spare.
FIRST_STEP_S = 10
# ELB closes the requests that a target has in flight at the end of its delay. Most take less than this.
SHORTEST_DELAY_S = 30
# It fits every stop timeout up to 57 s.
DELAY_S = 45
# A replacement that takes requests later than this leaves a gap when the notice ends.
LONGEST_HEALTHY_S = 60
HEALTH_INTERVAL_S = 5
HEALTHY_COUNT = 2
UNHEALTHY_COUNT = 3
LONGEST_SLOW_START_S = 60
SLOW_START_S = 30


def longest_delay_s(stop_timeout_s: int) -> int:
    """Return the longest deregistration delay, in seconds, that ends before a task with this timeout is stopped.

    A service's last targets are kept until ECS has replaced them: by default until 52 s before the last moment for a
    stop. If ECS then stops such a task itself, it sends SIGTERM only at the end of the delay.

    >>> longest_delay_s(30), longest_delay_s(60)
    (52, 42)
    """
    kept_s = Thresholds().drain_seconds + RELEASE_MARGIN_S
    return int(min(NOTICE_S - FIRST_STEP_S - STOP_MARGIN_S - stop_timeout_s, kept_s))


def longest_stop_timeout_s(delay_s: int) -> int:
    """Return the longest stop timeout, in seconds, that leaves time for a deregistration delay; 0: without targets.

    >>> longest_stop_timeout_s(SHORTEST_DELAY_S)
    72
    """
    return int(NOTICE_S - FIRST_STEP_S - STOP_MARGIN_S - delay_s)
