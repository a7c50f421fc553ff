"""AWS Health schedules maintenance of instances, usually days ahead, and says when it is over or called off."""

import hashlib
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from steady.drain_mark import DrainReason
from steady.messages import Malformed, is_instance_id, shown, text, time_of
from steady.service_out.notice import Ignored, Notice, Over

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
        "eventArn": "arn:aws:health:us-east-1::event/EC2/AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED/0e1d",
        "service": "EC2",
        "eventTypeCategory": "scheduledChange",
        "eventTypeCode": "AWS_EC2_PERSISTENT_INSTANCE_RETIREMENT_SCHEDULED",
        "statusCode": "upcoming",
        "startTime": "Thu, 01 Jan 2026 10:00:00 GMT",
        "endTime": "Thu, 01 Jan 2026 12:00:00 GMT",
        "affectedEntities": [{"entityValue": "i-0b662ef9931388ba0", "status": "PENDING"}],
    },
}

# The deadline, in seconds after the event, where the event does not say when its change begins.
NO_START_S = 86_400
# How long a change is taken to last, in seconds, where the event does not say when it ends.
USUAL_LENGTH_S = 14_400
# AWS Health, "EventBridge schema" and EntityStatusCode of its API: an event is `upcoming` or `open` until it is
# `closed`; an entity ends `RESOLVED`, or is `UNIMPAIRED`.
HAPPENING = frozenset({"open", "upcoming"})
CLOSED = "closed"
SPARED = ("RESOLVED", "UNIMPAIRED")
# EC2, "Scheduled events for your instances": a stop, a retirement, a reboot and power maintenance end or restart the
# instance. Network maintenance does not, and neither does a notice about a reservation, a host or a volume.
# After the first three the instance does not come back by itself: it is replaced.
REPLACED = ("RETIREMENT", "STOP", "TERMINAT")
ENDS_INSTANCES = (*REPLACED, "REBOOT", "POWER_MAINTENANCE", "SYSTEM_MAINTENANCE")
REASONS = frozenset({DrainReason.MAINTENANCE, DrainReason.RETIREMENT})


def parse(event: Mapping[str, Any]) -> tuple[Notice | Over, ...] | Ignored:
    """Parse the event to a notice for each instance that it ends or restarts; the deadline is the start of the change.

    An instance whose maintenance is over, or called off, must not be drained: if it was, it takes tasks again.
    """
    service, category = text(event, "detail", "service"), text(event, "detail", "eventTypeCategory")
    if (service, category) != ("EC2", "scheduledChange"):
        return Ignored(f"AWS Health event of {service}, {category}: only scheduledChange of EC2 is handled")
    code, at = text(event, "detail", "eventTypeCode"), time_of(event)
    if not any(word in code for word in ENDS_INSTANCES):
        return Ignored(f"AWS Health event {code}: it neither ends nor restarts an instance")
    status = event["detail"].get("statusCode", "open")
    if not isinstance(status, str) or status not in {*HAPPENING, CLOSED}:
        return Ignored(f"AWS Health event {code}: its statusCode is {shown(status)}: open, upcoming or closed is known")
    entities = event["detail"].get("affectedEntities") or []
    if not isinstance(entities, list):
        raise Malformed(f"AWS Health Event: detail.affectedEntities is {shown(entities)}: a list is needed")
    # An event may name other things (reservations, hosts) beside instances.
    statuses = {id_: entity.get("status") for entity in entities if (id_ := _instance_of(entity))}
    if not statuses:
        return Ignored(f"AWS Health event {code}: it names no instance")
    reason = DrainReason.RETIREMENT if any(word in code for word in REPLACED) else DrainReason.MAINTENANCE
    start = _start_of(event, at)
    until = _time(event, "endTime", start + USUAL_LENGTH_S)
    return tuple(
        Over(id_, at, REASONS)
        if status == CLOSED or entity in SPARED
        else Notice(id_, at, start, reason=reason, until_s=max(start, until), event=_name_of(event))
        for id_, entity in statuses.items()
    )


def _instance_of(entity: Any) -> str:
    """Return the id of the instance that `entity` is; "" if it is none."""
    id_ = entity.get("entityValue") if isinstance(entity, Mapping) else None
    return id_ if is_instance_id(id_) else ""


def _name_of(event: Mapping[str, Any]) -> str:
    """Return a short name of the event, the same whenever it is said again; "" if it has none."""
    arn = event["detail"].get("eventArn")
    return hashlib.sha256(arn.encode("utf-8", "replace")).hexdigest()[:8] if isinstance(arn, str) and arn else ""


def _start_of(event: Mapping[str, Any], at: float) -> float:
    return max(at, _time(event, "startTime", at + NO_START_S))


def _time(event: Mapping[str, Any], name: str, otherwise: float) -> float:
    """Return the time `name` of the event's detail, in seconds since the epoch; `otherwise` if there is none."""
    try:
        time = parsedate_to_datetime(str(event["detail"].get(name)))
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return otherwise
