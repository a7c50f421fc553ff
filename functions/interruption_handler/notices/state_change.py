"""An instance is ending or has ended, without any notice before: its targets are deregistered at once.

One that runs (again) is the same event. It takes tasks again if it was drained because it was stopped.
"""

from collections.abc import Mapping
from typing import Any

from steady.drain_mark import DrainReason
from steady.messages import instance_id, text, time_of
from steady.service_out.notice import Ignored, Notice, Over

# EC2 starts a stopped instance under the same id; after the other two states it is gone.
STOPPING = ("stopping", "stopped")
LEAVING = ("shutting-down", "terminated", *STOPPING)
RUNNING = "running"
# An instance that was stopped and starts is on another host (EC2 User Guide, "Stop and start"): a maintenance or a
# retirement of the host before does not concern it any more. A recommendation does, and so does a person's drain.
OVER_ONCE_RUNNING = frozenset({DrainReason.STOP, DrainReason.HOOK, DrainReason.MAINTENANCE, DrainReason.RETIREMENT})

PATTERN: Mapping[str, Any] = {
    "source": ["aws.ec2"],
    "detail-type": ["EC2 Instance State-change Notification"],
    "detail": {"state": [*LEAVING, RUNNING]},
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


def parse(event: Mapping[str, Any]) -> tuple[Notice | Over, ...] | Ignored:
    """Parse the event to one notice whose deadline is the event's own time, or to the end of an earlier one."""
    state, id_ = text(event, "detail", "state"), instance_id(event, "detail", "instance-id")
    if state == RUNNING:
        return (Over(id_, time_of(event), OVER_ONCE_RUNNING),)
    if state not in LEAVING:
        return Ignored(f"state change of {id_} to {state}: it neither goes nor comes back")
    at = time_of(event)
    return (Notice(id_, at, at, gone=True, reason=DrainReason.STOP if state in STOPPING else None),)
