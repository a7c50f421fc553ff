"""A Capacity Block ends: EC2 terminates its instances from ten minutes after the event on. It does not name them."""

from collections.abc import Mapping
from typing import Any

from steady.messages import text, time_of
from steady.service_out.notice import ReservationNotice

# EC2 User Guide, "Monitor Capacity Blocks using EventBridge": forty minutes before the reservation's end, "any
# instances running in the reservation will begin to terminate in 10 minutes". The guide and EventBridge's event
# reference have the event under the first name, the guide's earlier edition under the second.
PATTERN: Mapping[str, Any] = {
    "source": ["aws.ec2"],
    "detail-type": ["Capacity Block Expiration Warning", "Capacity Block Reservation Expiration Warning"],
}

SAMPLE: Mapping[str, Any] = {
    "version": "0",
    "id": "9c1b0f52-6a0e-4f0b-9c55-1c8f6f5e8d10",
    "detail-type": "Capacity Block Expiration Warning",
    "source": "aws.ec2",
    "account": "123456789012",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:ec2:us-east-1:123456789012:capacity-reservation/cr-0b662ef9931388ba0"],
    "detail": {"capacity-reservation-id": "cr-0b662ef9931388ba0", "end-date": "2026-01-01T00:40:00Z"},
}

TERMINATED_AFTER_S = 600


def parse(event: Mapping[str, Any]) -> ReservationNotice:
    """Parse the event to a notice of its reservation. The deadline follows from the event's own time.

    The form of `end-date` is not documented, and UltraServers end earlier before it: it is not read.
    """
    at = time_of(event)
    return ReservationNotice(text(event, "detail", "capacity-reservation-id"), at, at + TERMINATED_AFTER_S)
