"""EC2 says that a Spot instance is at risk. Its interruption warning may come soon, later, or never."""

from collections.abc import Mapping
from typing import Any

from steady.drain_mark import DrainReason
from steady.messages import instance_id, time_of
from steady.service_out.notice import Notice

PATTERN: Mapping[str, Any] = {"source": ["aws.ec2"], "detail-type": ["EC2 Instance Rebalance Recommendation"]}

SAMPLE: Mapping[str, Any] = {
    "version": "0",
    "id": "5d5555d5-dd55-5555-5555-5555dd55d55d",
    "detail-type": "EC2 Instance Rebalance Recommendation",
    "source": "aws.ec2",
    "account": "123456789012",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:ec2:us-east-1b:instance/i-0b662ef9931388ba0"],
    "detail": {"instance-id": "i-0b662ef9931388ba0"},
}


def parse(event: Mapping[str, Any]) -> tuple[Notice, ...]:
    """Parse the event to one notice without a deadline: the cluster's thresholds set it."""
    id_ = instance_id(event, "detail", "instance-id")
    return (Notice(id_, time_of(event), recommended=True, reason=DrainReason.REBALANCE),)
