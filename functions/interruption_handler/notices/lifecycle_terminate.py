"""An Auto Scaling group terminates an instance, and its lifecycle hook waits until we let it go.

{"version": "0", "id": "468fe059-…", "detail-type": "EC2 Instance-terminate Lifecycle Action",
 "source": "aws.autoscaling", "time": "2026-01-01T00:00:00Z",
 "detail": {"LifecycleActionToken": "0befcbdb-…", "AutoScalingGroupName": "web", "LifecycleHookName": "drain",
            "EC2InstanceId": "i-0633ac2b0d9769723", "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING"}}
"""

from collections.abc import Mapping
from typing import Any

from steady.messages import text, time_of
from steady.service_out.drain import LifecycleHook
from steady.service_out.notice import Ignored, Notice

DETAIL_TYPE = "EC2 Instance-terminate Lifecycle Action"

# Auto Scaling API: a token has so many characters, and another is refused however often it is sent.
TOKEN_LENGTH = 36
# Sent once when a hook is made, as a bare body or as the detail of an event; it names no instance.
TEST_NOTIFICATION = "autoscaling:TEST_NOTIFICATION"


def parse(event: Mapping[str, Any]) -> tuple[Notice, ...] | Ignored:
    detail = event.get("detail")
    if isinstance(detail, Mapping) and detail.get("Event") == TEST_NOTIFICATION:
        return Ignored("a test notification of a new lifecycle hook")
    hook = LifecycleHook(
        group=text(event, "detail", "AutoScalingGroupName"),
        name=text(event, "detail", "LifecycleHookName"),
        token=text(event, "detail", "LifecycleActionToken", at_least=TOKEN_LENGTH, at_most=TOKEN_LENGTH),
    )
    return (Notice(text(event, "detail", "EC2InstanceId"), time_of(event), hook=hook),)
