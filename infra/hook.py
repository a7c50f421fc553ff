"""The lifecycle hook that makes an Auto Scaling group wait until an instance has been served out."""

from aws_cdk import aws_autoscaling as autoscaling
from constructs import Construct

from steady.names import HOOK_HEARTBEAT_S, HOOK_NAME, TERMINATING


def add_hook(scope: Construct, id_: str, group: str) -> autoscaling.CfnLifecycleHook:
    """Make the Auto Scaling group `group` wait before it terminates an instance. Nothing else of the group changes."""
    return autoscaling.CfnLifecycleHook(
        scope,
        id_,
        auto_scaling_group_name=group,
        lifecycle_hook_name=HOOK_NAME,
        lifecycle_transition=TERMINATING,
        heartbeat_timeout=HOOK_HEARTBEAT_S,
        # If the handler never answers, the group terminates the instance at the hook's timeout.
        default_result="CONTINUE",
    )
