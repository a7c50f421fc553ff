"""Notes on services and pools whose tasks service-out stops late, since requests may come until then."""

from __future__ import annotations

from collections.abc import Iterable

from cli.doctor.capacity.pools import show_command
from cli.doctor.model import Finding, Inspection
from steady.aws.ecs.traffic import CLOUD_MAP, NETWORK


def note_unknown_targets(inspection: Inspection) -> Iterable[Finding]:
    """Name each service, and the pool, that gets requests in a way in which service-out cannot deregister it."""
    for unknown in inspection.unknown:
        thing = f"service {unknown.service}" if unknown.service else str(inspection.pool)
        yield Finding(
            "unknown-targets",
            thing,
            f"gets requests by {' and '.join(unknown.ways)}, where service-out cannot deregister it: its tasks are "
            "stopped as late as batch tasks",
            "",
            _show(inspection, unknown.service),
        )


def note_lingering_requests(inspection: Inspection) -> Iterable[Finding]:
    """Name each service whose tasks get requests after the deregistration: from some load balancers, and by DNS."""
    for service in sorted({group.service for group in inspection.target_groups if group.lingers}):
        rest = ". On Spot there is no time to wait for the last of these requests" if inspection.on_spot else ""
        yield Finding(
            "lingering-requests",
            f"service {service}",
            f"is behind {NETWORK}, which sends requests for up to 120 s after the deregistration: its tasks are "
            f"stopped as late as batch tasks{rest}",
            "",
            _show(inspection, service),
        )
    for service in inspection.in_cloud_map:
        yield Finding(
            "lingering-requests",
            f"service {service}",
            f"is registered in {CLOUD_MAP}, whose clients keep an address until its TTL is over: its tasks are stopped "
            "as late as batch tasks. ECS itself does not wait for the TTL when it replaces a task: a TTL of seconds, "
            "and containers that serve on for so long after SIGTERM, lose no request",
            "",
            _show(inspection, service),
        )


def _show(inspection: Inspection, service: str) -> str:
    """Return the command that shows the service; "": the pool."""
    if service:
        return f"aws ecs describe-services --cluster {inspection.cluster} --services {service}"
    return show_command(inspection.pool)
