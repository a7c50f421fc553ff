"""Parse a task state change of ECS to the object that a batch launcher waits for (hako, schedulers/ecs.rb, oneshot).

{"detail-type": "ECS Task State Change", "source": "aws.ecs",
 "detail": {"taskArn": "arn:aws:ecs:us-east-1:123456789012:task/batch/0123…", "lastStatus": "RUNNING",
            "startedAt": "2026-01-01T00:00:00Z", "containers": [{"name": "app", "lastStatus": "RUNNING"}]}}

hako looks for `<prefix>/<taskArn>/started.json` and `…/stopped.json`, each the whole event.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steady.messages import Malformed, json_object, shown

LONGEST_ARN = 2048


@dataclass(frozen=True, slots=True)
class Status:
    """The S3 object of one event: its `name` under the task's ARN ("": none is written) and its `text`."""

    task_arn: str
    name: str
    text: str
    # ECS numbers the changes of a task: of two events, the one with the higher number is later.
    version: int = 0

    def key(self, prefix: str) -> str:
        """Return the object's key."""
        return f"{prefix}/{self.task_arn}/{self.name}"


def parse(body: str) -> Status:
    """Parse the body of an SQS message, an ECS Task State Change of EventBridge.

    Raises:
        Malformed: naming what is wrong with the event, and what is needed.
    """
    event = json_object(body, needed="an ECS Task State Change")
    detail = event.get("detail")
    detail = detail if isinstance(detail, dict) else {}
    arn = detail.get("taskArn")
    if not isinstance(arn, str) or not arn.startswith("arn:") or ":task/" not in arn or len(arn) > LONGEST_ARN:
        raise Malformed(f"the task state change's detail.taskArn is {shown(arn)}: a task's ARN is needed")
    version = detail.get("version")
    text = json.dumps(event, separators=(",", ":"))
    return Status(arn, _name(detail), text, version if isinstance(version, int) else 0)


def _name(detail: Any) -> str:
    """Return the object's name: the state that a launcher waits for, or "" for any other."""
    if detail.get("lastStatus") == "STOPPED":
        return "stopped.json"
    containers = detail.get("containers")
    if not isinstance(containers, list) or not containers:
        return ""
    states = {c.get("lastStatus") if isinstance(c, Mapping) else None for c in containers}
    # A container that is not essential may have stopped before the last one runs: the task has started nevertheless.
    # hako reads `startedAt`, which ECS adds a moment later than the state.
    started = detail.get("lastStatus") == "RUNNING" and "RUNNING" in states and states <= {"RUNNING", "STOPPED"}
    return "started.json" if started and isinstance(detail.get("startedAt"), str) else ""
