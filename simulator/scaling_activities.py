"""Scaling activities of Auto Scaling groups: what a group says of launches that failed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def begun_termination(group: str, instance_id: str, at: float) -> dict[str, Any]:
    """Return the activity that TerminateInstanceInAutoScalingGroup answers with."""
    return {
        "ActivityId": f"activity-{instance_id}-{at:.0f}",
        "AutoScalingGroupName": group,
        "Cause": f"instance {instance_id} was taken out of service in response to a user request",
        "StartTime": datetime.fromtimestamp(at, UTC),
        "StatusCode": "InProgress",
        "Progress": 0,
    }


def failed_launch(group: str, instance_types: list[str], at: float) -> dict[str, Any]:
    """Return the activity of a launch that EC2 had no capacity for, as DescribeScalingActivities shows it.

    Auto Scaling user guide, "Troubleshoot Amazon EC2 Auto Scaling: EC2 instance launch failures".
    """
    types = ", ".join(instance_types)
    return _failed(
        group,
        at,
        f"We currently do not have sufficient {types} capacity in the Availability Zone you requested. Launching EC2 "
        "instance failed.",
    )


def no_spot(group: str, at: float) -> dict[str, Any]:
    """Return the activity of a launch that the Spot market had nothing for.

    Its words are those that users report of such groups, and of EKS node groups (AsgInstanceLaunchFailures).
    """
    return _failed(
        group,
        at,
        "Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity due to your request "
        "configuration. Please adjust your request and try again. Launching EC2 instance failed.",
    )


def _failed(group: str, at: float, message: str) -> dict[str, Any]:
    time = datetime.fromtimestamp(at, UTC)
    return {
        "ActivityId": f"activity-{at:.0f}",
        "AutoScalingGroupName": group,
        "Cause": "an instance was started in response to a difference between desired and actual capacity",
        "StartTime": time,
        "EndTime": time,
        "StatusCode": "Failed",
        "StatusMessage": message,
        "Progress": 100,
    }
