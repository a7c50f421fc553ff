"""Put the instances in a Capacity Reservation in the place of a notice that names the reservation alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from interruption_handler.notices import Parsed
from steady.aws.capacity.origins import instances_in_reservation
from steady.aws.queue import Message
from steady.aws.runtime import Runtime
from steady.service_out.notice import Notice, ReservationNotice


def resolve(
    runtime: Runtime, messages: Sequence[Message[Parsed]]
) -> tuple[Sequence[Message[Parsed]], Sequence[Message[Parsed]]]:
    """Return `messages` with a notice for each instance in a reservation, and those that failed.

    A reservation whose instances EC2 does not tell fails alone: its message is sent again.
    """
    resolved: list[Message[Parsed]] = []
    failed: list[Message[Parsed]] = []
    for message in messages:
        value = message.value
        if not isinstance(value, ReservationNotice):
            resolved.append(message)
            continue
        try:
            ids = instances_in_reservation(runtime, value.reservation_id)
        except Exception as error:
            runtime.telemetry.error(
                f"the instances in Capacity Reservation {value.reservation_id} could not be read; its notice is "
                f"sent again: {error!r}"
            )
            failed.append(message)
        else:
            notices = tuple(Notice(id_, value.at, value.deadline_s) for id_ in ids)
            resolved.append(replace(message, value=notices))
    return resolved, failed
