"""AWS Health schedules a change of hardware under instances: many of them in one event, days ahead as a rule.

{"version": "0", "id": "121345678-…", "detail-type": "AWS Health Event", "source": "aws.health",
 "time": "2026-01-01T00:00:00Z",
 "detail": {"service": "EC2", "eventTypeCategory": "scheduledChange",
            "eventTypeCode": "AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED",
            "startTime": "Sat, 05 Jan 2026 15:10:09 GMT",
            "affectedEntities": [{"entityValue": "i-0b662ef9931388ba0"}]}}
"""

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from steady.messages import Malformed, shown, text, time_of
from steady.service_out.notice import Ignored, Notice

DETAIL_TYPE = "AWS Health Event"

# Where the event does not say when its change begins.
NO_HURRY_S = 86_400


def parse(event: Mapping[str, Any]) -> tuple[Notice, ...] | Ignored:
    service, category = text(event, "detail", "service"), text(event, "detail", "eventTypeCategory")
    if (service, category) != ("EC2", "scheduledChange"):
        return Ignored(f"a Health event of {service}, {category}")
    at = time_of(event)
    entities = event["detail"].get("affectedEntities")
    if not isinstance(entities, list) or not entities:
        raise Malformed(f"{DETAIL_TYPE}: detail.affectedEntities is {shown(entities)}: a list of instances is needed")
    ids = [entity.get("entityValue") if isinstance(entity, Mapping) else None for entity in entities]
    # An event may name other things (reservations, hosts) beside instances.
    return tuple(Notice(id_, at, _start_of(event, at)) for id_ in ids if isinstance(id_, str) and id_.startswith("i-"))


def _start_of(event: Mapping[str, Any], at: float) -> float:
    try:
        start = parsedate_to_datetime(str(event["detail"].get("startTime")))
    except (TypeError, ValueError):
        return at + NO_HURRY_S
    return max(at, (start if start.tzinfo else start.replace(tzinfo=UTC)).timestamp())
