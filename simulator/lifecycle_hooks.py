"""Lifecycle hooks on termination: each holds an instance of a group until it is completed or times out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.clock import Clock, Timer
from simulator.ec2 import Ec2Instance
from simulator.ecs.scheduler import Scheduler
from simulator.endpoint import Params
from simulator.errors import AwsError

# Auto Scaling: an instance waits at most 48 hours, and this many heartbeat timeouts.
MOST_HEARTBEATS, LONGEST_S = 100, 172_800
# The hook of a capacity provider's managed draining, its heartbeat timeout, and how often the model of it looks.
# The results of a lifecycle action.
CONTINUE, ABANDON = "CONTINUE", "ABANDON"
MANAGED_DRAINING, MANAGED_HEARTBEAT_S, MANAGED_LOOK_S = "ecs-managed-draining-termination-hook", 3600.0, 5.0


@dataclass(eq=False, slots=True)
class Hold:
    """One hook that holds an instance, until it is completed or times out.

    `default` is the result with which it times out.
    """

    hook: str
    heartbeat_s: float
    token: str
    timeout: Timer
    default: str = CONTINUE


@dataclass(eq=False, slots=True)
class Waiting:
    """An instance in Terminating:Wait. It waits until each hook that holds it is completed or has timed out."""

    instance: Ec2Instance
    since: float
    holds: dict[str, Hold] = field(default_factory=dict)
    to_warm_pool: bool = False


class LifecycleHooks:
    """What the hooks of all groups hold.

    Attributes:
        on_held: called with the group's name, the instance that waits from now on, and the hook, for each hook.

    Args:
        waiting_in: returns the instances of a group that wait, by their ids; raises an `AwsError` if there is no group.
        released: called with the group's name and an instance that no hook holds any more.
    """

    def __init__(
        self,
        clock: Clock,
        waiting_in: Callable[[str], Mapping[str, Waiting]],
        released: Callable[[str, Waiting], None],
    ) -> None:
        self.clock = clock
        self.on_held: Callable[[str, Waiting, Hold], None] = lambda group, waiting, hold: None
        self._waiting_in = waiting_in
        self._released = released
        self._tokens = itertools.count(1)

    def hold(self, group: str, waiting: Waiting, hooks: Mapping[str, float], abandoning: Collection[str] = ()) -> None:
        """Let an instance wait under `hooks`: their heartbeat timeouts, by their names.

        Args:
            abandoning: the names of the hooks whose default result is ABANDON.
        """
        for name, heartbeat_s in hooks.items():
            token = f"00000000-0000-0000-0000-{next(self._tokens):012x}"
            default = ABANDON if name in abandoning else CONTINUE
            timeout = self._timeout(group, waiting, name, self.clock.now + heartbeat_s, default)
            waiting.holds[name] = Hold(name, heartbeat_s, token, timeout, default)
        if not hooks:
            self._released(group, waiting)
        for hold in list(waiting.holds.values()):
            self.on_held(group, waiting, hold)

    def record_lifecycle_action_heartbeat(self, params: Params) -> dict[str, Any]:
        group, waiting, hold = self._find(params)
        hold.timeout.cancel()
        longest_s = min(LONGEST_S, MOST_HEARTBEATS * hold.heartbeat_s)
        ends = min(self.clock.now + hold.heartbeat_s, waiting.since + longest_s)
        hold.timeout = self._timeout(group, waiting, hold.hook, ends, hold.default)
        return {}

    def complete_lifecycle_action(self, params: Params) -> dict[str, Any]:
        group, waiting, hold = self._find(params)
        result = params["LifecycleActionResult"]
        if result not in (CONTINUE, ABANDON):
            # Auto Scaling API, CompleteLifecycleAction: "You can specify either CONTINUE or ABANDON."
            raise AwsError("ValidationError", f"LifecycleActionResult is {result}: CONTINUE or ABANDON is needed")
        self.complete(group, waiting, hold.hook, result)
        return {}

    def complete(self, group: str, waiting: Waiting, hook: str, result: str = CONTINUE) -> None:
        """End what one hook holds. The instance goes once no other holds it.

        Source: Auto Scaling User Guide, "Complete a lifecycle action": if the instance is terminating, CONTINUE lets
        other hooks complete, and ABANDON ends them. A hook that times out has its default result, which is ABANDON if
        none was given (API, PutLifecycleHook).
        """
        if hook not in waiting.holds:
            return
        for name in list(waiting.holds) if result == ABANDON else [hook]:
            waiting.holds.pop(name).timeout.cancel()
        if not waiting.holds:
            self._released(group, waiting)

    def _timeout(self, group: str, waiting: Waiting, hook: str, at: float, default: str) -> Timer:
        return self.clock.at(at, lambda: self.complete(group, waiting, hook, default))

    def _find(self, params: Params) -> tuple[str, Waiting, Hold]:
        """Find the wait that a call is about.

        Both calls require the group and the hook; the wait is named by its token or by the instance's id (Auto Scaling
        API, CompleteLifecycleAction and RecordLifecycleActionHeartbeat: neither of the two is required by the model).
        """
        group = params["AutoScalingGroupName"]
        token, instance_id = params.get("LifecycleActionToken"), params.get("InstanceId")
        for waiting in self._waiting_in(group).values():
            hold = waiting.holds.get(params["LifecycleHookName"])
            if hold and (hold.token == token if token else waiting.instance.id == instance_id):
                return group, waiting, hold
        raise AwsError("ValidationError", f"No active Lifecycle Action found with token {token} or ID {instance_id}")


def described(group: str, name: str, heartbeat_s: float, default: str = CONTINUE) -> dict[str, Any]:
    """Return a hook as DescribeLifecycleHooks describes it."""
    return {
        "LifecycleHookName": name,
        "AutoScalingGroupName": group,
        "HeartbeatTimeout": int(heartbeat_s),
        "GlobalTimeout": int(min(LONGEST_S, MOST_HEARTBEATS * heartbeat_s)),
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "DefaultResult": default,
    }


def drain_under_managed_hook(
    hooks: LifecycleHooks, scheduler: Scheduler, group: str, waiting: Waiting, hold: Hold
) -> None:
    """Drain an instance as ECS does under its own hook, and complete the hook once no task is left.

    Source: ECS developer guide, "Safely stop Amazon ECS workloads running on EC2 instances" (managed draining): ECS
    sets the instance to DRAINING, waits for its tasks, and completes the hook that it has added.
    """
    instance = waiting.instance.container_instance
    if hold.hook != MANAGED_DRAINING or instance is None:
        return
    scheduler.drain(instance)

    def look() -> None:
        if hold.hook not in waiting.holds:
            return
        if instance.tasks:
            hooks.clock.after(MANAGED_LOOK_S, look)
        else:
            hooks.complete(group, waiting, hold.hook)

    look()
