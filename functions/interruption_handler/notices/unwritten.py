"""Write and parse messages to the own queue with drain marks that ECS did not take at first.

{"detail-type": "Steady Drain Marks", "source": "steady",
 "detail": {"cluster": "web", "marks": {"arn:aws:ecs:…": "hook:1767225720:1767225600"}}}
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from steady.drain_mark import DrainMark
from steady.messages import Malformed, shown

DETAIL_TYPE = "Steady Drain Marks"
# SQS: 256 KiB a message. A mark takes about 200 bytes of it.
MARKS_A_MESSAGE = 800


@dataclass(frozen=True, slots=True)
class Unwritten:
    """Drain marks that are still to be written, by container instance ARN."""

    cluster: str
    marks: Mapping[str, DrainMark]


def messages(cluster: str, marks: Mapping[str, DrainMark]) -> Iterator[str]:
    """Yield the bodies of as few messages as hold `marks`."""
    values = [(arn, str(mark)) for arn, mark in marks.items()]
    for start in range(0, len(values), MARKS_A_MESSAGE):
        detail = {"cluster": cluster, "marks": dict(values[start : start + MARKS_A_MESSAGE])}
        yield json.dumps({"detail-type": DETAIL_TYPE, "source": "steady", "detail": detail}, separators=(",", ":"))


def parse(event: Mapping[str, Any]) -> Unwritten:
    """Parse a message that `messages` made.

    Raises:
        Malformed: naming what is wrong with it.
    """
    detail = event.get("detail")
    cluster, marks = (detail.get("cluster"), detail.get("marks")) if isinstance(detail, Mapping) else (None, None)
    if not isinstance(cluster, str) or not isinstance(marks, Mapping):
        raise Malformed(f"{DETAIL_TYPE}: detail is {shown(detail)}: a cluster and its marks are needed")
    read = {arn: DrainMark.parse(value) for arn, value in marks.items() if isinstance(value, str)}
    return Unwritten(cluster, {arn: mark for arn, mark in read.items() if mark})
