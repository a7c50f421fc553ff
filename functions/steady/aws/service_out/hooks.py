"""Call Auto Scaling for lifecycle hooks: read their timeouts, send heartbeats, complete them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from botocore.exceptions import ClientError

from steady.aws.runtime import Runtime
from steady.service_out.drain import LifecycleHook


@dataclass(frozen=True, slots=True)
class HookTimeouts:
    """The seconds that a lifecycle hook waits: from one heartbeat to the next, and in all."""

    heartbeat_s: int
    global_s: int


def read_timeouts(runtime: Runtime, hook: LifecycleHook) -> HookTimeouts:
    """Return the timeouts of `hook`. Both are 0 if the hook has been deleted."""
    hooks = runtime.autoscaling.describe_lifecycle_hooks(
        AutoScalingGroupName=hook.group, LifecycleHookNames=[hook.name]
    )["LifecycleHooks"]
    if not hooks:
        return HookTimeouts(0, 0)
    heartbeat_s = hooks[0].get("HeartbeatTimeout", 3600)
    # Auto Scaling: 48 hours or 100 heartbeats, whichever is less.
    return HookTimeouts(heartbeat_s, hooks[0].get("GlobalTimeout", min(172_800, 100 * heartbeat_s)))


def send_heartbeat(runtime: Runtime, hook: LifecycleHook) -> None:
    """Let `hook` wait for another heartbeat timeout."""
    with _hook_that_may_be_gone():
        runtime.autoscaling.record_lifecycle_action_heartbeat(
            AutoScalingGroupName=hook.group, LifecycleHookName=hook.name, LifecycleActionToken=hook.token
        )


def complete_hook(runtime: Runtime, hook: LifecycleHook) -> None:
    """Complete `hook`: Auto Scaling terminates the instance that it holds."""
    with _hook_that_may_be_gone():
        runtime.autoscaling.complete_lifecycle_action(
            AutoScalingGroupName=hook.group,
            LifecycleHookName=hook.name,
            LifecycleActionToken=hook.token,
            LifecycleActionResult="CONTINUE",
        )


@contextmanager
def _hook_that_may_be_gone() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        # "No active Lifecycle Action found": completed already, or timed out.
        if error.response["Error"]["Code"] != "ValidationError":
            raise
