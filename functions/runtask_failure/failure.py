"""hako's message: a `RunTask` that found no room (hako, lib/hako/schedulers/ecs.rb).

{"group_name": "batch-asg", "cluster": "batch", "cpu": 1024, "memory": 2048, "hako_task_id": "3f0c…"}

hako says it again every 10 s, with the same `hako_task_id`, for as long as the task finds no room.
"""

from dataclasses import dataclass
from typing import Any

from steady.arns import name_of
from steady.aws.queue import Malformed, json_object
from steady.cluster import Size


@dataclass(frozen=True, slots=True)
class RunTaskFailure:
    """One failed try: `size` is what the task reserves (CPU units, MiB), `key` is the same at every try of one run."""

    cluster: str
    key: str
    size: Size


def parse(body: str) -> RunTaskFailure:
    """The failure in an SQS body: hako's message as it is, or within SNS's envelope.

    Raises:
        Malformed: naming the field, its value and what is needed.
    """
    message = json_object(body, needed="hako's message")
    if message.get("Type") == "Notification" and isinstance(message.get("Message"), str):
        message = json_object(message["Message"], needed="hako's message")
    return RunTaskFailure(
        cluster=name_of(_text(message, "cluster")),
        key=_text(message, "hako_task_id"),
        size=Size(_whole(message, "cpu", at_least=0), _whole(message, "memory", at_least=1)),
    )


def _text(message: dict[str, Any], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str) or not value:
        raise Malformed(f"the RunTask failure's {name} is {value!r}: a text is needed")
    return value


def _whole(message: dict[str, Any], name: str, at_least: int) -> int:
    value = message.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
        raise Malformed(f"the RunTask failure's {name} is {value!r}: a whole number from {at_least} is needed")
    return value
