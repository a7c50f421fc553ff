"""List the settings of a cluster that do not fit the suite."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cli.doctor.checks import launch_templates, pools, target_groups, task_definitions, traffic
from cli.doctor.model import Finding, Inspection

Check = Callable[[Inspection], Iterable[Finding]]
CHECKS: tuple[Check, ...] = (
    target_groups.check_deregistration_delays,
    target_groups.check_time_to_healthy,
    task_definitions.check_stop_timeouts,
    launch_templates.check_agent_settings,
    pools.check_hook,
    pools.check_tags,
    pools.check_registered,
    launch_templates.check_termination_protection,
    pools.check_replacement,
    pools.check_spot_group,
    pools.check_other_writers,
    traffic.note_unknown_targets,
    traffic.note_lingering_requests,
)


def findings(inspection: Inspection) -> tuple[Finding, ...]:
    """Return the findings of all checks, in the order of `CHECKS`."""
    return tuple(finding for check in CHECKS for finding in check(inspection))
