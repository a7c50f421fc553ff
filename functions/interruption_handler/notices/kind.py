"""Describe what a module of this package holds: one kind of notice."""

from collections.abc import Mapping
from typing import Any, Protocol

from steady.service_out.notice import Ignored, Notice


class NoticeKind(Protocol):
    """One kind of EventBridge event that says that instances are about to go.

    Attributes:
        PATTERN: the EventBridge pattern that brings such events to the interruption queue.
        SAMPLE: one such event, as AWS documents it.
    """

    PATTERN: Mapping[str, Any]
    SAMPLE: Mapping[str, Any]

    def parse(self, event: Mapping[str, Any], /) -> tuple[Notice, ...] | Ignored:
        """Parse one such event to a notice for each instance that it names, or say why it is ignored.

        Raises:
            Malformed: naming what is wrong with the event, and what is needed.
        """
        ...
