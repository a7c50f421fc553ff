"""An instance is ending or has ended, without any notice before: its targets are deregistered at once."""

from collections.abc import Mapping
from typing import Any

from steady.messages import text, time_of
from steady.service_out.notice import Ignored, Notice

LEAVING = ("shutting-down", "stopping", "stopped", "terminated")

PATTERN: Mapping[str, Any] = {
    "source": ["aws.ec2"],
    "detail-type": ["EC2 Instance State-change Notification"],
    "detail": {"state": list(LEAVING)},
}

SAMPLE: Mapping[str, Any] = {
    "version": "0",
    "id": "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": "EC2 Instance State-change Notification",
    "source": "aws.ec2",
    "account": "123456789012",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-0b662ef9931388ba0"],
    "detail": {"instance-id": "i-0b662ef9931388ba0", "state": "shutting-down"},
}


def parse(event: Mapping[str, Any]) -> tuple[Notice, ...] | Ignored:
    """Parse the event to one notice whose deadline is the event's own time, or ignore an instance that stays."""
    state = text(event, "detail", "state")
    if state not in LEAVING:
        return Ignored(f"state change of {text(event, 'detail', 'instance-id')} to {state}: not about to go")
    at = time_of(event)
    return (Notice(text(event, "detail", "instance-id"), at, at, gone=True),)
