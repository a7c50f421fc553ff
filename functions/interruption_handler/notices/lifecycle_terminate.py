"""An Auto Scaling group terminates an instance, and its lifecycle hook waits until the hook is completed.

An instance that returns to the group's warm pool waits under the same hook (Auto Scaling User Guide, "Amazon EC2 Auto
Scaling event reference": `Destination` is WarmPool). It is drained like any other, and it may come back.
"""

from collections.abc import Mapping
from typing import Any

from steady.drain_mark import DrainReason
from steady.messages import instance_id, text, time_of
from steady.service_out.doomed import LifecycleHook
from steady.service_out.notice import Ignored, Notice

PATTERN: Mapping[str, Any] = {
    "source": ["aws.autoscaling"],
    "detail-type": ["EC2 Instance-terminate Lifecycle Action"],
}

SAMPLE: Mapping[str, Any] = {
    "version": "0",
    "id": "468fe059-f4b7-445f-bb22-2a271b94974d",
    "detail-type": "EC2 Instance-terminate Lifecycle Action",
    "source": "aws.autoscaling",
    "account": "123456789012",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "detail": {
        "LifecycleActionToken": "0befcbdb-6ecd-498a-9ff7-ae9b54447cd6",
        "AutoScalingGroupName": "web",
        "LifecycleHookName": "drain",
        "EC2InstanceId": "i-0633ac2b0d9769723",
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "Origin": "AutoScalingGroup",
        "Destination": "EC2",
    },
}

# Auto Scaling API (CompleteLifecycleAction): a token of any other length is refused at every try.
TOKEN_LENGTH = 36
# Sent once when a hook is made, as a bare body or as the detail of an event; it names no instance.
TEST_NOTIFICATION = "autoscaling:TEST_NOTIFICATION"


def parse(event: Mapping[str, Any]) -> tuple[Notice, ...] | Ignored:
    """Parse the event to one notice with its lifecycle hook. Its deadline is the hook's timeout, read later."""
    detail = event.get("detail")
    if isinstance(detail, Mapping) and detail.get("Event") == TEST_NOTIFICATION:
        return Ignored("test notification of a new lifecycle hook")
    hook = LifecycleHook(
        group=text(event, "detail", "AutoScalingGroupName"),
        name=text(event, "detail", "LifecycleHookName"),
        token=text(event, "detail", "LifecycleActionToken", at_least=TOKEN_LENGTH, at_most=TOKEN_LENGTH),
    )
    return (Notice(instance_id(event, "detail", "EC2InstanceId"), time_of(event), hook=hook, reason=DrainReason.HOOK),)
