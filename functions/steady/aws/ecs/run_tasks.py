"""Start tasks with RunTask, once, and tell apart what its errors mean for a later try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from steady.api_budget.limits import THROTTLED
from steady.aws.errors import is_of_server
from steady.aws.runtime import Runtime
from steady.names import NO_INSTANCES

# What ECS says, as an error of the call, of room that there is not now. Fargate: AWS re:Post, "How do I troubleshoot an
# Amazon ECS RunTask API for a Fargate task that fails with a 'Capacity is unavailable' error?": wait, and try again.
NO_ROOM = (NO_INSTANCES, "Capacity is unavailable at this time")
# What it says, under other codes than its own, of a rate limit: of EC2 too, which it asks for the network of tasks in
# network mode awsvpc ("Error retrieving security group information for [sg-…]: Request limit exceeded. (ErrorCode:
# RequestLimitExceeded)": dask/dask-cloudprovider, issue 56).
THROTTLING = ("Rate exceeded", "RequestLimitExceeded")


class Throttled(Exception):
    """ECS throttles RunTask for now: every further call would only be refused, too."""


class Unanswered(Exception):
    """ECS has not said whether the tasks run: a call with the same token will tell. The text says why."""


class Refused(Exception):
    """ECS refuses the request as it is. The text is ECS's own."""


@dataclass(frozen=True, slots=True)
class Ran:
    """The tasks that one call of RunTask has started, and the reasons for which it has not started the others."""

    tasks: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def run_tasks(runtime: Runtime, cluster: str, request: Mapping[str, Any], count: int, token: str) -> Ran:
    """Call RunTask once, without retries.

    Raises:
        Throttled, Unanswered, Refused: if ECS does not answer with tasks or failures.
    """
    try:
        answer = runtime.ecs_once.run_task(**{**request, "cluster": cluster, "count": count, "clientToken": token})
    except ClientError as error:
        code, text = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if any(words in text for words in NO_ROOM):
            return Ran(reasons=(text,))
        if code == THROTTLED or any(words in text for words in THROTTLING):
            raise Throttled(text) from error
        if is_of_server(error):
            raise Unanswered(f"{code}: {text}") from error
        raise Refused(f"{code}: {text}") from error
    except BotoCoreError as error:
        raise Unanswered(str(error)) from error
    reasons = tuple(str(failure.get("reason") or "no reason given") for failure in answer.get("failures", []))
    return Ran(tuple(task["taskArn"] for task in answer["tasks"]), reasons)
