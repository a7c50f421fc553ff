"""Limits of health checks and deregistration delays that fit into a Spot notice.

Of a Spot notice's 120 seconds, the first step takes about 10. Stopping a task takes its stop timeout and 8 more. The
rest is for the requests that its targets still have in flight.
"""

from __future__ import annotations

from steady.service_out.doomed import NOTICE_S
from steady.service_out.stops import STOP_MARGIN_S

# From EC2's notice until targets are deregistered (docs/simulator.md: 7 s for a fleet of 100), with 3 s to spare.
FIRST_STEP_S = 10
# ELB closes the requests that a target has in flight at the end of its delay. Most take less than this.
SHORTEST_DELAY_S = 30
DELAY_S = 60
# A replacement that takes requests later than this leaves a gap when the notice ends.
LONGEST_HEALTHY_S = 60
HEALTH_INTERVAL_S = 5
HEALTHY_COUNT = 2
UNHEALTHY_COUNT = 3
LONGEST_SLOW_START_S = 60
SLOW_START_S = 30


def longest_delay_s(stop_timeout_s: int) -> int:
    """Return the longest deregistration delay, in seconds, that ends before a task with this timeout is stopped."""
    return int(NOTICE_S - FIRST_STEP_S - STOP_MARGIN_S - stop_timeout_s)
