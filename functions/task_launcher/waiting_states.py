"""Answer the states of Step Functions that wait for a request with its task token (`.waitForTaskToken`)."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from steady.aws import queued_runs
from steady.aws.queued_runs import Ended
from steady.aws.runtime import Runtime
from steady.queued_run import QueuedRun
from task_launcher.request import TaskEnd

GIVEN_UP, FAILED = "Steady.LaunchGivenUp", "Steady.TaskFailed"
# Step Functions API, SendTaskFailure: characters of a cause.
LONGEST_CAUSE = 32_768
# Nobody waits any more: the state has timed out, was answered already, or has never been.
NOBODY_WAITS = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")


def end_task(runtime: Runtime, table: str, end: TaskEnd) -> None:
    """Note the end of a task, and answer the state that waits once all tasks of its request have ended."""
    ended = queued_runs.end_task(runtime, table, end.key, end.task, failed=bool(end.reason))
    if ended:
        answer(runtime, ended, end.reason)


def answer(runtime: Runtime, ended: Ended, reason: str = "") -> None:
    """Answer the state that waits for a request, if all tasks of it have ended.

    Args:
        reason: why the last of those that failed did, as far as it is known.
    """
    if not ended.is_whole or not ended.run.task_token:
        return
    tasks = sorted(ended.tasks)
    if not ended.failed:
        output = json.dumps({"cluster": ended.run.cluster, "id": ended.run.id, "tasks": tasks})
        _answer(runtime, ended.run, "send_task_success", output=output)
        return
    why = f"{len(ended.failed)} of {len(tasks)} tasks failed: {', '.join(sorted(ended.failed))}"
    why += f"; {reason}" if reason else ""
    _answer(runtime, ended.run, "send_task_failure", error=FAILED, cause=why[:LONGEST_CAUSE])


def give_up(runtime: Runtime, run: QueuedRun) -> None:
    """Tell the state that waits for a request that it is given up."""
    if run.task_token:
        _answer(runtime, run, "send_task_failure", error=GIVEN_UP, cause=run.reason[:LONGEST_CAUSE])


def _answer(runtime: Runtime, run: QueuedRun, call: str, **params: Any) -> None:
    try:
        getattr(runtime.step_functions, call)(taskToken=run.task_token, **params)
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOBODY_WAITS:
            raise
        runtime.telemetry.info(
            f"cluster {run.cluster}: no state of Step Functions waits for launch {run.id} any more: {error}",
            cluster=run.cluster,
        )
