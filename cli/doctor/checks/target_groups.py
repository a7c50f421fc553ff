"""Checks of target groups: deregistration delay, health check, slow start."""

from __future__ import annotations

from collections.abc import Iterable

from cli.doctor.model import Finding, Inspection, TargetGroup
from infra.fitness import (
    DELAY_S,
    HEALTH_INTERVAL_S,
    HEALTHY_COUNT,
    LONGEST_HEALTHY_S,
    LONGEST_SLOW_START_S,
    SHORTEST_DELAY_S,
    SLOW_START_S,
    longest_delay_s,
)


def check_deregistration_delays(inspection: Inspection) -> Iterable[Finding]:
    """Find delays that cut requests short, and, on Spot, delays that last longer than a notice allows."""
    for group in inspection.target_groups:
        longest = longest_delay_s(group.stop_timeout_s)
        needed = f"{SHORTEST_DELAY_S} s or more"
        value = DELAY_S
        if inspection.on_spot:
            needed = f"{SHORTEST_DELAY_S} to {longest} s"
            value = min(DELAY_S, longest)
        # If the stop timeout leaves no time for any delay, only the stop timeout is reported.
        too_long = inspection.on_spot and group.delay_s > longest >= SHORTEST_DELAY_S
        if group.delay_s < SHORTEST_DELAY_S or too_long:
            yield Finding(
                "deregistration-delay",
                group.name,
                f"has a deregistration delay of {group.delay_s} s",
                needed,
                _attribute_command(group, "deregistration_delay.timeout_seconds", value),
            )


def check_time_to_healthy(inspection: Inspection) -> Iterable[Finding]:
    """Find target groups whose new targets take requests too late: a replacement is not ready when a notice ends."""
    for group in inspection.target_groups:
        healthy_s = group.health_interval_s * group.healthy_count
        if healthy_s > LONGEST_HEALTHY_S:
            yield Finding(
                "health-check",
                group.name,
                f"takes {healthy_s} s until a new target is healthy",
                f"{LONGEST_HEALTHY_S} s or less",
                f"aws elbv2 modify-target-group --target-group-arn {group.arn} "
                f"--health-check-interval-seconds {HEALTH_INTERVAL_S} --health-check-timeout-seconds "
                f"{HEALTH_INTERVAL_S - 1} --healthy-threshold-count {HEALTHY_COUNT}",
            )
        if group.slow_start_s > LONGEST_SLOW_START_S:
            yield Finding(
                "slow-start",
                group.name,
                f"has a slow start of {group.slow_start_s} s",
                f"{LONGEST_SLOW_START_S} s or less",
                _attribute_command(group, "slow_start.duration_seconds", SLOW_START_S),
            )


def _attribute_command(group: TargetGroup, key: str, value: int) -> str:
    return (
        f"aws elbv2 modify-target-group-attributes --target-group-arn {group.arn} --attributes Key={key},Value={value}"
    )
