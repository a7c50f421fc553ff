"""The lifecycle hook by which an Auto Scaling group waits until an instance was served out."""

from aws_cdk import aws_autoscaling as autoscaling
from constructs import Construct

from steady.names import HOOK_HEARTBEAT_S, HOOK_NAME, TERMINATING


def add_hook(scope: Construct, id_: str, group: str) -> autoscaling.CfnLifecycleHook:
    """Makes the Auto Scaling group of the name `group` wait before it terminates; nothing else of it is changed."""
    return autoscaling.CfnLifecycleHook(
        scope,
        id_,
        auto_scaling_group_name=group,
        lifecycle_hook_name=HOOK_NAME,
        lifecycle_transition=TERMINATING,
        heartbeat_timeout=HOOK_HEARTBEAT_S,
        # If the handler is gone altogether, the group goes on.
        default_result="CONTINUE",
    )
