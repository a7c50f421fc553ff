"""EC2 reclaims a Spot instance, or the target of its Spot Fleet was lowered: it ends two minutes after the event."""

from collections.abc import Mapping
from typing import Any

from steady.drain_mark import DrainReason
from steady.messages import instance_id, text, time_of
from steady.service_out.doomed import NOTICE_S
from steady.service_out.notice import Notice

PATTERN: Mapping[str, Any] = {"source": ["aws.ec2"], "detail-type": ["EC2 Spot Instance Interruption Warning"]}

SAMPLE: Mapping[str, Any] = {
    "version": "0",
    "id": "1e5527d7-bb36-4607-3370-4164db56a40e",
    "detail-type": "EC2 Spot Instance Interruption Warning",
    "source": "aws.ec2",
    "account": "123456789012",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:ec2:us-east-1b:instance/i-0b662ef9931388ba0"],
    "detail": {"instance-id": "i-0b662ef9931388ba0", "instance-action": "terminate"},
}


def parse(event: Mapping[str, Any]) -> tuple[Notice, ...]:
    """Parse the event to one notice. Its deadline follows from the event's own time, not from now."""
    at = time_of(event)
    action = text(event, "detail", "instance-action")
    # EC2: hibernation begins at once.
    deadline_s = at + (0 if action == "hibernate" else NOTICE_S)
    # EC2 may start again what it has stopped. After any other action the instance is gone: nothing is remembered.
    reason = DrainReason.STOP if action in ("stop", "hibernate") else None
    return (Notice(instance_id(event, "detail", "instance-id"), at, deadline_s, reason=reason),)
