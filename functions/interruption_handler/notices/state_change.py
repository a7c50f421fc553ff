"""An instance is going or gone already, without a word before: its targets are taken out at once.

{"version": "0", "id": "7bf73129-…", "detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2",
 "time": "2026-01-01T00:00:00Z", "resources": ["arn:aws:ec2:us-east-1:123456789012:instance/i-0b662ef9931388ba0"],
 "detail": {"instance-id": "i-0b662ef9931388ba0", "state": "shutting-down"}}
"""

from collections.abc import Mapping
from typing import Any

from steady.messages import text, time_of
from steady.service_out.notice import Ignored, Notice

DETAIL_TYPE = "EC2 Instance State-change Notification"
LEAVING = frozenset({"shutting-down", "stopping", "stopped", "terminated"})


def parse(event: Mapping[str, Any]) -> tuple[Notice, ...] | Ignored:
    state = text(event, "detail", "state")
    if state not in LEAVING:
        return Ignored(f"an instance that is {state}")
    at = time_of(event)
    return (Notice(text(event, "detail", "instance-id"), at, at, gone=True),)
