"""Parse the autoscaler's message about batch tasks that have run for too long since renewal began to empty instances.

{"detail-type": "Steady Late Batch Tasks", "source": "steady",
 "detail": {"instances": {"i-0b66…": 1767225720}, "at": 1767225600}}

It has the time at which the tasks of each instance are to have ended.
"""

from collections.abc import Mapping
from typing import Any

from steady.messages import Malformed, is_instance_id, shown
from steady.names import LATE_BATCH_TASKS
from steady.service_out.notice import Notice


def parse(event: Mapping[str, Any]) -> tuple[Notice, ...]:
    """Parse a message that `steady.aws.scaling.late_batch` has sent.

    Raises:
        Malformed: naming what is wrong with it.
    """
    detail = event.get("detail")
    ends, at = (detail.get("instances"), detail.get("at")) if isinstance(detail, Mapping) else (None, None)
    if not isinstance(ends, Mapping) or not all(is_instance_id(id_) and _is_time(end) for id_, end in ends.items()):
        raise Malformed(
            f"{LATE_BATCH_TASKS}: instances is {shown(ends)}: instance ids with seconds since the epoch are needed"
        )
    if not isinstance(at, int) or not _is_time(at):
        raise Malformed(f"{LATE_BATCH_TASKS}: at is {shown(at)}: seconds since the epoch are needed")
    return tuple(Notice(id_, float(at), float(end), in_renewal=True) for id_, end in ends.items())


def _is_time(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12
