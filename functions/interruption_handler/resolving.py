"""Put the notices of single instances in the place of a message that names a reservation, or a group's instances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from interruption_handler.notices import Parsed
from steady.aws.capacity.origins import instances_in_reservation
from steady.aws.queue import Message
from steady.aws.runtime import Runtime
from steady.aws.service_out.hooks import hook_names
from steady.drain_mark import DrainReason
from steady.service_out.doomed import LifecycleHook
from steady.service_out.notice import Notice, ReservationNotice, WaitingNotice


def resolve(
    runtime: Runtime, messages: Sequence[Message[Parsed]]
) -> tuple[Sequence[Message[Parsed]], Sequence[Message[Parsed]]]:
    """Return `messages` with a notice for each instance in a reservation, or under a hook, and those that failed.

    A message that cannot be resolved now fails alone: it is sent again.
    """
    resolved: list[Message[Parsed]] = []
    failed: list[Message[Parsed]] = []
    for message in messages:
        value = message.value
        if not isinstance(value, ReservationNotice | WaitingNotice):
            resolved.append(message)
            continue
        try:
            if isinstance(value, ReservationNotice):
                found = _in_reservation(runtime, value)
            else:
                found = _waiting(runtime, value)
        except Exception as error:
            runtime.telemetry.error(f"{value}: its instances could not be read; it is sent again: {error!r}")
            failed.append(message)
        else:
            resolved.append(replace(message, value=found))
    return resolved, failed


def _in_reservation(runtime: Runtime, value: ReservationNotice) -> tuple[Notice, ...]:
    ids = instances_in_reservation(runtime, value.reservation_id)
    return tuple(Notice(id_, value.at, value.deadline_s) for id_ in ids)


def _waiting(runtime: Runtime, value: WaitingNotice) -> tuple[Notice, ...]:
    """Return a notice of each hook that may hold the instances; which of them we answer is found out later."""
    hooks = [LifecycleHook(value.group, name) for name in hook_names(runtime, value.group)]
    return tuple(
        Notice(id_, value.at, hook=hook, reason=DrainReason.HOOK) for id_ in value.instance_ids for hook in hooks
    )
