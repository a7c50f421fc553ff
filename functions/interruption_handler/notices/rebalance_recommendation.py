"""EC2 says that a Spot instance is likely to be taken back; its warning may come soon, later, or never.

{"version": "0", "id": "5d5555d5-…", "detail-type": "EC2 Instance Rebalance Recommendation", "source": "aws.ec2",
 "time": "2026-01-01T00:00:00Z", "resources": ["arn:aws:ec2:us-east-1b:instance/i-0b662ef9931388ba0"],
 "detail": {"instance-id": "i-0b662ef9931388ba0"}}
"""

from collections.abc import Mapping
from typing import Any

from steady.messages import text, time_of
from steady.service_out.notice import Notice

DETAIL_TYPE = "EC2 Instance Rebalance Recommendation"


def parse(event: Mapping[str, Any]) -> tuple[Notice, ...]:
    return (Notice(text(event, "detail", "instance-id"), time_of(event), recommended=True),)
