"""Parse a message of the launch queue: what RunTask takes (ECS API), with a priority, a deadline and all_or_nothing.

{"cluster": "batch", "taskDefinition": "report:7", "count": 2, "overrides": {…},
 "clientToken": "report-2026-01-01", "priority": 10, "deadline": 3600, "all_or_nothing": true}

`clientToken` names the request: of two messages with the same one, one is run. `deadline` is in seconds.

`taskToken` is that of a state of Step Functions that waits for the end of the tasks (`.waitForTaskToken`).

The end of a task of such a request (EventBridge):

{"detail-type": "ECS Task State Change", "source": "aws.ecs",
 "detail": {"taskArn": "…", "clusterArn": "…", "lastStatus": "STOPPED", "startedBy": "steady-launch/…",
            "stoppedReason": "Essential container in task exited", "containers": [{"name": "app", "exitCode": 0}]}}

A round of a cluster (the function itself, and each minute a schedule): {"round": "batch"}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.validate import ParamValidator

from steady.arns import name_of
from steady.messages import Malformed, json_object, shown, text
from steady.queued_run import STARTED_BY, QueuedRun

if TYPE_CHECKING:
    from botocore.model import Shape

# ECS API, RunTask: "You can specify up to 10 tasks for each call."
MOST_TASKS = 10
MOST_PRIORITY = 100
# SQS keeps a dead letter for 14 days: an hour by default, a week at most.
DEADLINE_S, LONGEST_DEADLINE_S = 3600, 7 * 24 * 3600
LONGEST_NAME = 255
# ECS API, "Idempotency": printable ASCII characters.
LONGEST_TOKEN = 64
# Step Functions API, SendTaskSuccess.
LONGEST_TASK_TOKEN = 2048
LONGEST_ARN = 2048
# ECS API, TaskOverride: "A total of 8192 characters are allowed for overrides." A request with 50 tags, the longest
# lists and names takes less than this many bytes beside them, and an item of DynamoDB holds it more than once.
LONGEST_OVERRIDES, LARGEST_MESSAGE = 8192, 64 * 1024
OURS = ("priority", "deadline", "all_or_nothing", "taskToken")
NAMED = ("cluster", "count", "clientToken")


@dataclass(frozen=True, slots=True)
class Round:
    """A request to try what waits in `cluster`."""

    cluster: str


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """The end of a task of the request with this `key`. `reason` is why it counts as failed; "": it does not."""

    cluster: str
    key: str
    task: str
    reason: str


@dataclass(frozen=True, slots=True)
class Request:
    """A message that asks for tasks. `id` is its `clientToken`; "": it has none."""

    cluster: str
    id: str
    message: str
    request: Mapping[str, Any]
    count: int
    priority: int
    deadline_s: int
    all_or_nothing: bool
    task_token: str

    def queued(self, message_id: str, sent_at: float) -> QueuedRun:
        """Return the request as it waits, from the id of its message, and when it was sent."""
        return QueuedRun(
            id=self.id or message_id,
            cluster=self.cluster,
            message=self.message,
            request=self.request,
            count=self.count,
            sent_at=sent_at,
            given_up_at=sent_at + self.deadline_s,
            priority=self.priority,
            all_or_nothing=self.all_or_nothing,
            task_token=self.task_token,
        )


def parser_of(shape: Shape) -> Callable[[str], Request | Round | TaskEnd]:
    """Return a parser of the queue's messages.

    Args:
        shape: botocore's model of what RunTask takes.
    """
    return lambda body: parse(body, shape)


def parse(body: str, shape: Shape) -> Request | Round | TaskEnd:
    """Parse an SQS body.

    Raises:
        Malformed: naming the field, its value and what is needed.
    """
    message = json_object(body, needed="what RunTask takes")
    if "round" in message:
        return Round(_name(message, "round"))
    if "detail-type" in message:
        return _task_end(message)
    params = {name: value for name, value in message.items() if name not in OURS}
    if unknown := sorted(params.keys() - shape.members.keys()):  # type: ignore[attr-defined]
        known = ", ".join([*shape.members, *OURS])  # type: ignore[attr-defined]
        raise Malformed(f"the launch request has {', '.join(map(shown, unknown))}: only {known} are known")
    if len(body.encode(errors="surrogatepass")) > LARGEST_MESSAGE:
        raise Malformed(
            f"the launch request has {len(body):,} characters: at most {LARGEST_MESSAGE:,} bytes are needed"
        )
    if (long := len(json.dumps(params.get("overrides", {})))) > LONGEST_OVERRIDES:
        needed = f"at most {LONGEST_OVERRIDES:,} are needed, as in RunTask"
        raise Malformed(f"the launch request's overrides have {long:,} characters: {needed}")
    if params.get("launchType") and params.get("capacityProviderStrategy"):
        given = shown(params["launchType"])
        needed = "one of them, not both, is needed, as in RunTask"
        raise Malformed(f"the launch request has the launchType {given} and a capacityProviderStrategy: {needed}")
    report = ParamValidator().validate(params, shape)
    if report.has_errors():
        raise Malformed(f"the launch request is not one of RunTask: {' '.join(report.generate_report().split())}")
    return Request(
        cluster=name_of(_name(message, "cluster")),
        id=_token(message),
        message=body,
        request={name: value for name, value in params.items() if name not in NAMED},
        count=_whole(message, "count", 1, MOST_TASKS, 1),
        priority=_whole(message, "priority", 0, MOST_PRIORITY, 0),
        deadline_s=_whole(message, "deadline", 1, LONGEST_DEADLINE_S, DEADLINE_S),
        all_or_nothing=_flag(message, "all_or_nothing"),
        task_token=_task_token(message),
    )


def _name(message: Mapping[str, Any], field: str) -> str:
    value = message.get(field)
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME:
        raise Malformed(f"the launch request's {field} is {shown(value)}: the name or the ARN of a cluster is needed")
    return value


def _task_end(event: Mapping[str, Any]) -> TaskEnd:
    task = text(event, "detail", "taskArn", at_most=LONGEST_ARN)
    started_by = text(event, "detail", "startedBy")
    if not started_by.startswith(STARTED_BY):
        raise Malformed(f"the task state change's startedBy is {shown(started_by)}: {STARTED_BY} and a key is needed")
    detail = event["detail"]
    containers = detail.get("containers")
    codes = [c.get("exitCode") for c in containers if isinstance(c, dict)] if isinstance(containers, list) else []
    # A container without an exit code did not start, or was lost with its instance.
    failed = not codes or any(code != 0 for code in codes)
    reason = f"{detail.get('stoppedReason') or 'no reason given'} (exit codes {codes})" if failed else ""
    cluster = name_of(text(event, "detail", "clusterArn", at_most=LONGEST_ARN))
    return TaskEnd(cluster, started_by.removeprefix(STARTED_BY), task, reason)


def _task_token(message: Mapping[str, Any]) -> str:
    value = message.get("taskToken", "")
    if not isinstance(value, str) or len(value) > LONGEST_TASK_TOKEN:
        needed = f"a token of Step Functions, of at most {LONGEST_TASK_TOKEN} characters, is needed"
        raise Malformed(f"the launch request's taskToken is {shown(value)}: {needed}")
    if value and "startedBy" in message:
        raise Malformed(
            f"the launch request's startedBy is {shown(message['startedBy'])}: with a taskToken the queue sets it: "
            "leave it out"
        )
    return value


def _token(message: Mapping[str, Any]) -> str:
    value = message.get("clientToken", "")
    if not isinstance(value, str) or len(value) > LONGEST_TOKEN or not all("!" <= c <= "~" for c in value):
        raise Malformed(
            f"the launch request's clientToken is {shown(value)}: at most {LONGEST_TOKEN} printable ASCII characters "
            "without spaces are needed"
        )
    return value


def _whole(message: Mapping[str, Any], field: str, at_least: int, at_most: int, default: int) -> int:
    value = message.get(field, default)
    if isinstance(value, bool) or not isinstance(value, int) or not at_least <= value <= at_most:
        raise Malformed(
            f"the launch request's {field} is {shown(value)}: a whole number from {at_least} to {at_most} is needed"
        )
    return value


def _flag(message: Mapping[str, Any], field: str) -> bool:
    value = message.get(field, False)
    if not isinstance(value, bool):
        raise Malformed(f"the launch request's {field} is {shown(value)}: true or false is needed")
    return value
