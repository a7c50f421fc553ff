"""Parse hako's message: a `RunTask` that found no room (hako, lib/hako/schedulers/ecs.rb).

{"group_name": "batch-asg", "cluster": "batch", "cpu": 1024, "memory": 2048, "hako_task_id": "3f0c…"}

hako repeats it every 10 s, with the same `hako_task_id`, until the task finds room.
"""

from dataclasses import dataclass
from typing import Any

from steady.arns import name_of
from steady.cluster import Size
from steady.messages import Malformed, json_object, shown

# More than any EC2 instance has (448 vCPUs, 32 TiB), and longer than any id: such a message is a mistake or an attack.
MOST_CPU_UNITS = 1_000_000
MOST_MEMORY_MIB = 100_000_000
LONGEST_TEXT = 255


@dataclass(frozen=True, slots=True)
class RunTaskFailure:
    """One failed try of a batch launcher to run a task.

    Attributes:
        key: the run's own id, the same at each of its tries.
        size: what the task reserves.
        group: the Auto Scaling group that hako is configured with; "" if it names none.
    """

    cluster: str
    key: str
    size: Size
    group: str = ""


def parse(body: str) -> RunTaskFailure:
    """Parse an SQS body: hako's message as it is, or within SNS's envelope.

    Raises:
        Malformed: naming the field, its value and what is needed.
    """
    message = json_object(body, needed="hako's message")
    if message.get("Type") == "Notification" and isinstance(message.get("Message"), str):
        message = json_object(message["Message"], needed="hako's message")
    return RunTaskFailure(
        cluster=name_of(_text(message, "cluster")),
        key=_text(message, "hako_task_id"),
        size=Size(_whole(message, "cpu", 0, MOST_CPU_UNITS), _whole(message, "memory", 1, MOST_MEMORY_MIB)),
        group=_text(message, "group_name") if message.get("group_name") else "",
    )


def _text(message: dict[str, Any], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT:
        raise Malformed(
            f"the RunTask failure's {name} is {shown(value)}: a text of at most {LONGEST_TEXT} characters is needed"
        )
    return value


def _whole(message: dict[str, Any], name: str, at_least: int, at_most: int) -> int:
    value = message.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not at_least <= value <= at_most:
        raise Malformed(
            f"the RunTask failure's {name} is {shown(value)}: a whole number from {at_least} to {at_most} is needed"
        )
    return value
