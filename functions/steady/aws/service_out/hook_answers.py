"""Answer the lifecycle hooks of doomed instances: each by its own token, and none that fails concerns another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from steady.aws.runtime import Runtime
from steady.aws.service_out.hooks import complete_hook, send_heartbeat
from steady.service_out.doomed import Doomed, LifecycleHook
from steady.service_out.drain import Progress


def complete_hooks(runtime: Runtime, after: Progress) -> tuple[Progress, int]:
    """Complete the hooks of finished instances. An instance whose hook cannot be completed is not finished."""
    failed: list[Doomed] = []
    for instance in after.finished:
        left = [hook for hook in instance.hooks if not _answered(runtime, instance, hook)]
        if left:
            failed.append(replace(instance, hooks=tuple(left)))
    ids = {i.instance_id for i in failed}
    finished = tuple(i for i in after.finished if i.instance_id not in ids)
    return replace(after, finished=finished, waiting=(*after.waiting, *failed)), len(failed)


def _answered(runtime: Runtime, instance: Doomed, hook: LifecycleHook) -> bool:
    try:
        complete_hook(runtime, hook, instance.instance_id)
    except (ClientError, BotoCoreError) as error:
        runtime.telemetry.error(
            f"instance {instance.instance_id}: lifecycle hook {hook.name} of group {hook.group} was not completed, the "
            f"next step tries again: {error}",
            cluster=instance.cluster,
        )
        return False
    return True


def send_heartbeats(runtime: Runtime, waiting: Iterable[Doomed]) -> tuple[list[Doomed], int]:
    """Send the heartbeats that are due; a heartbeat that fails is due again at the next step."""
    found, failed = [], 0
    for instance in waiting:
        hooks = []
        for hook in instance.hooks:
            # A third of the timeout leaves room for a late step, and for another try.
            beats = runtime.now() - hook.beat_at >= hook.heartbeat_s / 3
            try:
                if beats:
                    send_heartbeat(runtime, hook, instance.instance_id)
                hooks.append(replace(hook, beat_at=runtime.now()) if beats else hook)
            except (ClientError, BotoCoreError) as error:
                failed += 1
                hooks.append(hook)
                runtime.telemetry.error(
                    f"instance {instance.instance_id}: heartbeat of lifecycle hook {hook.name} of group {hook.group} "
                    f"failed, the next step tries again: {error}",
                    cluster=instance.cluster,
                )
        found.append(replace(instance, hooks=tuple(hooks)))
    return found, failed
