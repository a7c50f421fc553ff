"""Answer the lifecycle hooks of doomed instances: each by its own token, and none that fails concerns another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from steady.api_budget.limits import LIFECYCLE_BUCKET
from steady.aws.pace import pace_of
from steady.aws.runtime import Runtime
from steady.aws.service_out.hooks import complete_hook, send_heartbeat
from steady.service_out.doomed import Doomed, LifecycleHook
from steady.service_out.drain import Progress
from steady.service_out.timing import is_due

Result = TypeVar("Result")
# One instance's wait: its id, and the group and the name of the hook.
Wait = tuple[str, str, str]

# Seconds of one step in which hooks are answered; the next step, at once, goes on with the others.
ANSWERS_FOR_S, ANSWERS_AT_LEAST_S = 12.0, 2.0
# Hooks that are answered side by side. Each waits for its turn at the API's rate: more would only wait longer.
ANSWERS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Heartbeats:
    """The heartbeats that a step has sent, and when; how many failed; whether some are left for the next step."""

    sent_at: Mapping[Wait, float] = field(default_factory=dict)
    failed: int = 0
    some_left: bool = False

    def applied_to(self, doomed: Iterable[Doomed]) -> tuple[Doomed, ...]:
        """Return `doomed` with the times of these heartbeats."""
        return tuple(
            replace(
                one,
                hooks=tuple(
                    replace(h, beat_at=self.sent_at.get((one.instance_id, h.group, h.name), h.beat_at))
                    for h in one.hooks
                ),
            )
            if one.hooks
            else one
            for one in doomed
        )


def work_with_heartbeats(
    runtime: Runtime, doomed: Iterable[Doomed], work: Callable[[], Result]
) -> tuple[Result, Heartbeats]:
    """Do `work`, and send meanwhile the heartbeats that are due for `doomed`, whatever becomes of the work."""
    due = _due(doomed, runtime.now())
    if not due:
        return work(), Heartbeats()
    # A session makes its clients in one thread only: before the calls side by side.
    _ = runtime.ecs, runtime.ecs_once, runtime.elbv2, runtime.elbv2_once, runtime.sqs, runtime.sqs_once
    _ = runtime.ssm, runtime.ec2_once, runtime.autoscaling_once, runtime.dynamodb_once
    return runtime.side_by_side(work, lambda: _send(runtime, due))


def _due(doomed: Iterable[Doomed], now: float) -> list[tuple[Doomed, LifecycleHook]]:
    """Return the hooks whose heartbeat is due, with their instances; the one that waits longest first."""
    due = [(one, hook) for one in doomed if one.waits_under_hook for hook in one.hooks if is_due(hook, now)]
    return sorted(due, key=lambda each: (each[1].beat_at + each[1].heartbeat_s, each[0].instance_id))


def _send(runtime: Runtime, due: Sequence[tuple[Doomed, LifecycleHook]]) -> Heartbeats:
    pace, until = pace_of(runtime, LIFECYCLE_BUCKET), runtime.now() + ANSWERS_FOR_S

    def send(each: tuple[Doomed, LifecycleHook]) -> tuple[Wait, float] | None:
        """Send one heartbeat; return when, 0 if it failed, or None if no time is left for it."""
        instance, hook = each
        wait = (instance.instance_id, hook.group, hook.name)
        if not pace.wait_for_turn(until):
            return None
        try:
            send_heartbeat(runtime, hook, instance.instance_id)
        except Exception as error:
            pace.rest()
            runtime.telemetry.error(
                f"instance {instance.instance_id}: heartbeat of lifecycle hook {hook.name} of group {hook.group} "
                f"failed, the next step tries again: {error}",
                cluster=instance.cluster,
            )
            return wait, 0.0
        return wait, runtime.now()

    answers = runtime.in_parallel(send, due, at_once=ANSWERS_AT_ONCE)
    sent = [answer for answer in answers if answer]
    return Heartbeats(
        {wait: at for wait, at in sent if at}, sum(not at for _, at in sent), some_left=len(sent) < len(answers)
    )


def complete_hooks(runtime: Runtime, after: Progress, latest: float) -> tuple[Progress, int]:
    """Complete the hooks of finished instances. An instance whose hook cannot be completed is not finished.

    Args:
        latest: when no more hook may be completed, in seconds since the epoch: the next step, at once, does it.

    Returns:
        The progress with that, and how many hooks Auto Scaling refused to complete.
    """
    # What runs on the others still ends: they go at their deadline.
    held = [instance for instance in after.finished if instance.waits_under_hook]
    if not held:
        return after, 0
    until = max(min(latest, runtime.now() + ANSWERS_FOR_S), runtime.now() + ANSWERS_AT_LEAST_S)
    refused = 0
    pace = pace_of(runtime, LIFECYCLE_BUCKET)

    def complete(instance: Doomed) -> Doomed:
        nonlocal refused
        left = []
        for hook in instance.hooks:
            if not pace.wait_for_turn(until):
                left.append(hook)
            elif not _answered(runtime, instance, hook):
                pace.rest()
                refused += 1
                left.append(hook)
        return replace(instance, hooks=tuple(left))

    _ = runtime.autoscaling_once
    failed = [one for one in runtime.in_parallel(complete, held, at_once=ANSWERS_AT_ONCE) if one.hooks]
    ids = {i.instance_id for i in failed}
    finished = tuple(i for i in after.finished if i.instance_id not in ids)
    next_in_s = 1 if len(failed) > refused else after.next_in_s
    return Progress(finished, (*after.waiting, *failed), next_in_s), refused


def _answered(runtime: Runtime, instance: Doomed, hook: LifecycleHook) -> bool:
    try:
        complete_hook(runtime, hook, instance.instance_id)
    except Exception as error:
        runtime.telemetry.error(
            f"instance {instance.instance_id}: lifecycle hook {hook.name} of group {hook.group} was not completed, the "
            f"next step tries again: {error}",
            cluster=instance.cluster,
        )
        return False
    return True
