"""Parse hako's message: a `RunTask` that found no room (hako, lib/hako/schedulers/ecs.rb).

{"group_name": "batch-asg", "cluster": "batch", "cpu": 1024, "memory": 2048, "hako_task_id": "3f0c…"}

hako repeats it every 10 s, with the same `hako_task_id`, until the task finds room. Other launchers may say more. Each
of these is as in RunTask (ECS API), and may be missing:

{"task_definition": "batch:7", "overrides": {"cpu": "2048"}, "count": 2,
 "placement_constraints": [{"type": "distinctInstance"}],
 "placement_strategy": [{"type": "binpack", "field": "memory"}],
 "launch_type": "EC2", "capacity_provider_strategy": [{"capacityProvider": "batch", "weight": 1}]}

With `task_definition`, `cpu` and `memory` may be missing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steady.arns import name_of
from steady.cluster import Size
from steady.launch import Launch
from steady.messages import Malformed, json_object, shown

# More than any EC2 instance has (448 vCPUs, 32 TiB), and longer than any id: such a message is a mistake or an attack.
MOST_CPU_UNITS = 1_000_000
MOST_MEMORY_MIB = 100_000_000
LONGEST_TEXT = 255
# ECS API, RunTask: 10 tasks a call, 10 constraints, 20 capacity providers, and 8192 characters of overrides.
MOST_TASKS = 10
MOST_OBJECTS = 10
MOST_PROVIDERS = 20
LONGEST_OVERRIDES = 8192
EC2_LAUNCH = Launch()


@dataclass(frozen=True, slots=True)
class ReportedCall:
    """A call that CloudTrail reports: its event's id, and when it was made, in seconds since the epoch."""

    id: str
    at: float


@dataclass(frozen=True, slots=True)
class RunTaskFailure:
    """One failed try of a batch launcher to run a task.

    Attributes:
        key: the run's own id, the same at each of its tries.
        size: what the task reserves.
        group: the Auto Scaling group that hako is configured with; "" if it names none.
        count: how many tasks the call asked for.
        task_definition: what the task is made from, a family, family:revision or ARN; "" if the message does not say.
        overrides, constraints, strategies: as in RunTask.
        launch: on what the task was to run; EC2 instances if the message does not say.
        providers: those of its capacity providers that are the cluster's pool's.
        reported: the call, if CloudTrail reports it; None: the launcher tells of it itself.
    """

    cluster: str
    key: str
    size: Size
    group: str = ""
    count: int = 1
    task_definition: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    constraints: Sequence[Mapping[str, Any]] = ()
    strategies: Sequence[Mapping[str, Any]] = ()
    launch: Launch = EC2_LAUNCH
    providers: frozenset[str] = frozenset()
    reported: ReportedCall | None = None


def parse(message: dict[str, Any]) -> RunTaskFailure:
    """Parse hako's message as it is, or within SNS's envelope.

    Raises:
        Malformed: naming the field, its value and what is needed.
    """
    if message.get("Type") == "Notification" and isinstance(message.get("Message"), str):
        message = json_object(message["Message"], needed="hako's message")
    task_definition = _text(message, "task_definition") if message.get("task_definition") else ""
    is_full = bool(task_definition)
    return RunTaskFailure(
        cluster=name_of(_text(message, "cluster")),
        key=_text(message, "hako_task_id"),
        size=Size(
            _whole(message, "cpu", 0, MOST_CPU_UNITS, 0 if is_full else None),
            _whole(message, "memory", 1, MOST_MEMORY_MIB, 0 if is_full else None),
        ),
        group=_text(message, "group_name") if message.get("group_name") else "",
        count=_whole(message, "count", 1, MOST_TASKS, 1),
        task_definition=task_definition,
        overrides=_overrides(message),
        constraints=_objects(message, "placement_constraints"),
        strategies=_objects(message, "placement_strategy"),
        launch=Launch.of(
            {
                "launchType": _text(message, "launch_type") if message.get("launch_type") else "",
                "capacityProviderStrategy": _objects(message, "capacity_provider_strategy", MOST_PROVIDERS),
            }
        ),
    )


def _overrides(message: dict[str, Any]) -> Mapping[str, Any]:
    value = message.get("overrides") or {}
    if not isinstance(value, dict) or len(json.dumps(value)) > LONGEST_OVERRIDES:
        raise Malformed(
            f"the RunTask failure's overrides are {shown(value)}: an object of at most {LONGEST_OVERRIDES} characters, "
            "as in RunTask, is needed"
        )
    _objects(value, "containerOverrides")
    return value


def _objects(message: dict[str, Any], name: str, most: int = MOST_OBJECTS) -> Sequence[Mapping[str, Any]]:
    value = message.get(name) or ()
    if not isinstance(value, list | tuple) or len(value) > most or not all(isinstance(one, dict) for one in value):
        raise Malformed(
            f"the RunTask failure's {name} is {shown(value)}: a list of at most {most} objects, as in RunTask, "
            "is needed"
        )
    return value


def _text(message: dict[str, Any], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT:
        raise Malformed(
            f"the RunTask failure's {name} is {shown(value)}: a text of at most {LONGEST_TEXT} characters is needed"
        )
    return value


def _whole(message: dict[str, Any], name: str, at_least: int, at_most: int, default: int | None = None) -> int:
    value = message.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not at_least <= value <= at_most:
        raise Malformed(
            f"the RunTask failure's {name} is {shown(value)}: a whole number from {at_least} to {at_most} is needed"
        )
    return value
