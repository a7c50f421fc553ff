"""AWS Health schedules maintenance of instances: many of them in one event, usually days ahead."""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from steady.messages import Malformed, shown, text, time_of
from steady.service_out.notice import Ignored, Notice

PATTERN: Mapping[str, Any] = {
    "source": ["aws.health"],
    "detail-type": ["AWS Health Event"],
    "detail": {"service": ["EC2"], "eventTypeCategory": ["scheduledChange"]},
}

SAMPLE: Mapping[str, Any] = {
    "version": "0",
    "id": "121345678-1234-1234-1234-123456789012",
    "detail-type": "AWS Health Event",
    "source": "aws.health",
    "account": "123456789012",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": ["i-0b662ef9931388ba0"],
    "detail": {
        "service": "EC2",
        "eventTypeCategory": "scheduledChange",
        "eventTypeCode": "AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED",
        "statusCode": "upcoming",
        "startTime": "Thu, 01 Jan 2026 10:00:00 GMT",
        "affectedEntities": [{"entityValue": "i-0b662ef9931388ba0", "status": "PENDING"}],
    },
}

# The deadline, in seconds after the event, where the event does not say when its change begins.
NO_START_S = 86_400
# AWS Health, "EventBridge schema": an event is `upcoming` or `open` until it is `closed`; an entity ends `RESOLVED`.
HAPPENING = frozenset({"open", "upcoming"})
OVER = "RESOLVED"
# EC2, "Scheduled events for your instances": a stop, a retirement, a reboot and power maintenance end or restart the
# instance. Network maintenance does not, and neither does a notice about a reservation, a host or a volume.
ENDS_INSTANCES = ("RETIREMENT", "STOP", "TERMINAT", "REBOOT", "POWER_MAINTENANCE", "SYSTEM_MAINTENANCE")


def parse(event: Mapping[str, Any]) -> tuple[Notice, ...] | Ignored:
    """Parse the event to a notice for each instance that it ends or restarts; the deadline is the start of the change.

    An event that is closed, and an instance whose maintenance is over, are ignored: they must not be drained.
    """
    service, category = text(event, "detail", "service"), text(event, "detail", "eventTypeCategory")
    if (service, category) != ("EC2", "scheduledChange"):
        return Ignored(f"AWS Health event of {service}, {category}: only scheduledChange of EC2 is handled")
    code, at = text(event, "detail", "eventTypeCode"), time_of(event)
    if not any(word in code for word in ENDS_INSTANCES):
        return Ignored(f"AWS Health event {code}: it neither ends nor restarts an instance")
    status = event["detail"].get("statusCode", "open")
    if not isinstance(status, str) or status not in HAPPENING:
        return Ignored(f"AWS Health event {code}: its statusCode is {shown(status)}, so nothing is about to happen")
    entities = event["detail"].get("affectedEntities") or []
    if not isinstance(entities, list):
        raise Malformed(f"AWS Health Event: detail.affectedEntities is {shown(entities)}: a list is needed")
    ids = [e.get("entityValue") for e in entities if isinstance(e, Mapping) and e.get("status") != OVER]
    # An event may name other things (reservations, hosts) beside instances.
    instance_ids = [id_ for id_ in ids if isinstance(id_, str) and id_.startswith("i-")]
    if not instance_ids:
        return Ignored(f"AWS Health event {code}: it names no instance whose change is still to come")
    return tuple(Notice(id_, at, _start_of(event, at)) for id_ in instance_ids)


def _start_of(event: Mapping[str, Any], at: float) -> float:
    try:
        start = parsedate_to_datetime(str(event["detail"].get("startTime")))
    except (TypeError, ValueError):
        return at + NO_START_S
    return max(at, (start if start.tzinfo else start.replace(tzinfo=UTC)).timestamp())
