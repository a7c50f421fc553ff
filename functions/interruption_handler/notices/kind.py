"""Describe what a module of this package holds: one kind of notice."""

from collections.abc import Mapping
from typing import Any, Protocol

from steady.service_out.notice import Ignored, Notice, Over, ReservationNotice


class NoticeKind(Protocol):
    """One kind of EventBridge event that says that instances are about to go, or that they stay after all.

    Attributes:
        PATTERN: the EventBridge pattern that brings such events to the interruption queue.
        SAMPLE: one such event, as AWS documents it.
    """

    PATTERN: Mapping[str, Any]
    SAMPLE: Mapping[str, Any]

    def parse(self, event: Mapping[str, Any], /) -> tuple[Notice | Over, ...] | ReservationNotice | Ignored:
        """Parse one such event to what it says of each instance that it names, or say why it is ignored.

        Raises:
            Malformed: naming what is wrong with the event, and what is needed.
        """
        ...
