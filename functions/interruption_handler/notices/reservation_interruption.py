"""The owner of an interruptible Capacity Reservation reclaims it: its instances end two minutes after the event."""

from collections.abc import Mapping
from typing import Any

from steady.messages import instance_id, time_of
from steady.service_out.doomed import NOTICE_S
from steady.service_out.notice import Notice

# EC2 User Guide, "Monitor interruptible Capacity Reservations with EventBridge and CloudTrail". Its earlier edition has
# the event under the second name.
PATTERN: Mapping[str, Any] = {
    "source": ["aws.ec2"],
    "detail-type": [
        "EC2 Capacity Reservation Instance Interruption Warning",
        "EC2 Interruptible Capacity Reservation Instance Interruption Warning",
    ],
}

SAMPLE: Mapping[str, Any] = {
    "version": "0",
    "id": "4b8e7c1a-2f57-4d7c-9b5e-0d5f0c3a9e11",
    "detail-type": "EC2 Capacity Reservation Instance Interruption Warning",
    "source": "aws.ec2",
    "account": "123456789012",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-0b662ef9931388ba0"],
    "detail": {
        "instance-id": "i-0b662ef9931388ba0",
        "instance-action": "terminate",
        "instance-termination-time": "2026-01-01T00:02:00Z",
        "azId": "use1-az1",
    },
}


def parse(event: Mapping[str, Any]) -> tuple[Notice, ...]:
    """Parse the event to one notice. Its deadline follows from the event's own time, not from now."""
    at = time_of(event)
    return (Notice(instance_id(event, "detail", "instance-id"), at, at + NOTICE_S),)
