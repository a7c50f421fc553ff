"""Call Auto Scaling for lifecycle hooks: read their terms, send heartbeats, complete them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from botocore.exceptions import ClientError

from steady.aws.cache import Cache
from steady.aws.runtime import Runtime
from steady.names import HOOK_HEARTBEAT_S, HOOK_NAME, TERMINATING
from steady.service_out.doomed import LifecycleHook

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import LifecycleHookTypeDef

# The hook that ECS adds to the group of a capacity provider with managed draining, which is on by default (ECS guide,
# "Safely stop Amazon ECS workloads running on EC2 instances"). ECS completes it itself.
MANAGED_DRAINING = "ecs-managed-draining-termination-hook"
# Auto Scaling API, PutLifecycleHook: the default result of a hook for which none was given.
ABANDON = "ABANDON"
# Auto Scaling: a hook waits 48 hours or 100 heartbeats, whichever is less.
LONGEST_WAIT_S = 172_800
# The terminate hooks of each Auto Scaling group, by its name: many instances of a group go at once.
HOOKS: Cache[str, list[LifecycleHookTypeDef]] = Cache(max_age_s=30.0)
# Why the hooks of a group could not be read; they are not read again within this time.
FAILURES: Cache[str, Exception] = Cache(max_age_s=5.0)


class _Wait(TypedDict, total=False):
    """The arguments by which a call names one instance's wait under a hook."""

    LifecycleActionToken: str
    InstanceId: str


@dataclass(frozen=True, slots=True)
class HookTerms:
    """The terms of a lifecycle hook.

    Attributes:
        heartbeat_s: the seconds that it waits from one heartbeat to the next.
        lasts_s: the seconds from its begin until the instance goes at the latest, as far as this hook says it.
        is_ours: whether we answer it.
    """

    heartbeat_s: int
    lasts_s: int
    is_ours: bool


def read_terms(runtime: Runtime, hook: LifecycleHook) -> HookTerms | None:
    """Return the terms of `hook`; None if the hook or its group has been deleted.

    Our hook is the one that the stacks add to a group. In a group without it (`hook` is false in cdk.json), every hook
    is ours but the one that ECS itself completes.
    """
    try:
        named = _hooks_of(runtime, hook.group)
    except Exception as error:
        if hook.name != HOOK_NAME:
            raise
        # Neither the drain nor the answer waits for what the stacks have set.
        runtime.telemetry.warning(
            f"group {hook.group}: its lifecycle hooks cannot be read: {hook.name} is taken to have a heartbeat timeout "
            f"of {HOOK_HEARTBEAT_S} s: {error}"
        )
        return HookTerms(HOOK_HEARTBEAT_S, min(LONGEST_WAIT_S, 100 * HOOK_HEARTBEAT_S), is_ours=True)
    terms = named.get(hook.name)
    if terms is None:
        return None
    heartbeat_s, ours = terms.get("HeartbeatTimeout", 3600), named.get(HOOK_NAME)
    is_ours = hook.name == HOOK_NAME or (ours is None and hook.name != MANAGED_DRAINING)
    if not is_ours and hook.name != MANAGED_DRAINING and terms.get("DefaultResult", ABANDON) == ABANDON:
        # Auto Scaling User Guide, "Complete a lifecycle action": ABANDON ends what other hooks still hold. Whether its
        # owner sends heartbeats is not known.
        return HookTerms(heartbeat_s, heartbeat_s, is_ours)
    # A hook that continues leaves the instance to ours.
    return HookTerms(heartbeat_s, _longest_s(terms if ours is None else ours), is_ours)


def _longest_s(terms: LifecycleHookTypeDef) -> int:
    return terms.get("GlobalTimeout", min(LONGEST_WAIT_S, 100 * terms.get("HeartbeatTimeout", 3600)))


def hook_names(runtime: Runtime, group: str) -> tuple[str, ...]:
    """Return the names of the terminate hooks of `group`; none if it has been deleted."""
    return tuple(sorted(_hooks_of(runtime, group)))


def _hooks_of(runtime: Runtime, group: str) -> Mapping[str, LifecycleHookTypeDef]:
    hooks = HOOKS.get(runtime, group)
    if hooks is None:
        if failed := FAILURES.get(runtime, group):
            raise failed
        try:
            hooks = HOOKS.keep(runtime, group, _terminate_hooks(runtime, group))
        except Exception as error:
            # A batch asks for each of its instances: only the first one waits for an answer.
            FAILURES.keep(runtime, group, error)
            raise
    return {found.get("LifecycleHookName", ""): found for found in hooks}


def _terminate_hooks(runtime: Runtime, group: str) -> list[LifecycleHookTypeDef]:
    try:
        hooks = runtime.autoscaling_quick.describe_lifecycle_hooks(AutoScalingGroupName=group)["LifecycleHooks"]
    except ClientError as error:
        # "AutoScalingGroup name not found": deleted meanwhile.
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return []
    return [hook for hook in hooks if hook.get("LifecycleTransition", TERMINATING) == TERMINATING]


def send_heartbeat(runtime: Runtime, hook: LifecycleHook, instance_id: str) -> None:
    """Let `hook` wait for another heartbeat timeout."""
    with _hook_that_may_be_gone():
        # Without retries: one that hangs does not keep the others from theirs, and the next step sends it again.
        runtime.autoscaling_once.record_lifecycle_action_heartbeat(
            AutoScalingGroupName=hook.group, LifecycleHookName=hook.name, **_wait_of(hook, instance_id)
        )


def complete_hook(runtime: Runtime, hook: LifecycleHook, instance_id: str) -> None:
    """Complete `hook`: Auto Scaling terminates the instance that it holds."""
    with _hook_that_may_be_gone():
        runtime.autoscaling_once.complete_lifecycle_action(
            AutoScalingGroupName=hook.group,
            LifecycleHookName=hook.name,
            LifecycleActionResult="CONTINUE",
            **_wait_of(hook, instance_id),
        )


def _wait_of(hook: LifecycleHook, instance_id: str) -> _Wait:
    # Auto Scaling API: both calls take the instance's id in the place of the token.
    return {"LifecycleActionToken": hook.token} if hook.token else {"InstanceId": instance_id}


@contextmanager
def _hook_that_may_be_gone() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        # "No active Lifecycle Action found": completed already, or timed out.
        if error.response["Error"]["Code"] != "ValidationError":
            raise
