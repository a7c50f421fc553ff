"""What fits the suite: the times that a notice leaves, and what is looked at of a cluster to see whether it does.

Of a Spot notice's 120 seconds, the first step takes some 10, and stopping a task its stop timeout and 8 more: what is
left is for the requests that its targets still have.
"""

from __future__ import annotations

from steady.service_out.drain import NOTICE_S, STOP_MARGIN_S

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


def longest_delay_s(stop_timeout_s: int) -> int:
    """The longest deregistration delay that ends within a notice, before a task with this stop timeout is stopped."""
    return int(NOTICE_S - FIRST_STEP_S - STOP_MARGIN_S - stop_timeout_s)
