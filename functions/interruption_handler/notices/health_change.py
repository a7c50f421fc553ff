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
        "startTime": "Thu, 01 Jan 2026 10:00:00 GMT",
        "affectedEntities": [{"entityValue": "i-0b662ef9931388ba0"}],
    },
}

# The deadline, in seconds after the event, where the event does not say when its change begins.
NO_START_S = 86_400


def parse(event: Mapping[str, Any]) -> tuple[Notice, ...] | Ignored:
    """Parse the event to a notice for each instance that it names; the deadline is the start of the maintenance."""
    service, category = text(event, "detail", "service"), text(event, "detail", "eventTypeCategory")
    if (service, category) != ("EC2", "scheduledChange"):
        return Ignored(f"AWS Health event of {service}, {category}: only scheduledChange of EC2 is handled")
    at = time_of(event)
    entities = event["detail"].get("affectedEntities")
    if not isinstance(entities, list) or not entities:
        raise Malformed(
            f"AWS Health Event: detail.affectedEntities is {shown(entities)}: a list of instances is needed"
        )
    ids = [entity.get("entityValue") if isinstance(entity, Mapping) else None for entity in entities]
    # An event may name other things (reservations, hosts) beside instances.
    return tuple(Notice(id_, at, _start_of(event, at)) for id_ in ids if isinstance(id_, str) and id_.startswith("i-"))


def _start_of(event: Mapping[str, Any], at: float) -> float:
    try:
        start = parsedate_to_datetime(str(event["detail"].get("startTime")))
    except (TypeError, ValueError):
        return at + NO_START_S
    return max(at, (start if start.tzinfo else start.replace(tzinfo=UTC)).timestamp())
