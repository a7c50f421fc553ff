"""The ends of a request: all its tasks have been started, or it is given up."""

from __future__ import annotations

import json
from collections.abc import Sequence

from steady.aws import queue, queued_runs
from steady.aws.queued_rounds import Hold, RoundTaken
from steady.aws.runtime import Runtime
from steady.metrics import MetricName
from steady.queued_run import QueuedRun
from task_launcher.environment import Environment
from task_launcher.waiting_states import answer, give_up

SOURCE = "steady.launch-queue"
STARTED, GIVEN_UP = "Launch Started", "Launch Given Up"


def conclude(runtime: Runtime, environment: Environment, hold: Hold, run: QueuedRun) -> None:
    """Tell that all tasks of a request have been started. After a crash in between, this is done again."""
    _tell(runtime, run, STARTED)
    if run.task_token:
        # The tasks whose end was told before they were kept, nothing else will tell of.
        answer(runtime, queued_runs.save(runtime, environment.launches_table, run, hold.id))
    queued_runs.finish(runtime, environment.launches_table, run, hold.id)
    runtime.telemetry.count(MetricName.LAUNCHES_STARTED)


def give_up_all(runtime: Runtime, environment: Environment, hold: Hold, runs: Sequence[QueuedRun]) -> None:
    """Give up `runs`, side by side. What fails is done by the next round."""
    # A session makes its clients in one thread only: before the calls side by side.
    _ = runtime.sqs, runtime.events, runtime.dynamodb, runtime.step_functions

    def end(run: QueuedRun) -> None:
        try:
            hold.keep()
            _give_up(runtime, environment, hold, run)
        except RoundTaken:
            return
        except Exception as error:
            runtime.telemetry.error(
                f"cluster {run.cluster}: launch {run.id} could not be given up; the next round does: {error}",
                cluster=run.cluster,
            )

    runtime.in_parallel(end, runs)


def _give_up(runtime: Runtime, environment: Environment, hold: Hold, run: QueuedRun) -> None:
    """Put a request into the dead-letter queue with ECS's reason. After a crash in between, this is done again.

    What is sent again from there is another request, for the tasks that are missing: its copies are known by its token.
    """
    rest = {**json.loads(run.message), "count": run.missing, "clientToken": run.client_token}
    # Its state has had its answer.
    rest.pop("taskToken", None)
    started = f"; {len(run.tasks)} of {run.count} tasks were started" if run.tasks else ""
    reason = f"cluster {run.cluster}: launch {run.id} is given up: {run.reason}{started}"
    queue.set_aside(runtime, json.dumps(rest), reason, environment.dead_letter_queue_url)
    _tell(runtime, run, GIVEN_UP)
    give_up(runtime, run)
    queued_runs.finish(runtime, environment.launches_table, run, hold.id)
    runtime.telemetry.count(MetricName.LAUNCHES_GIVEN_UP)


def _tell(runtime: Runtime, run: QueuedRun, what: str) -> None:
    """Put an event on the default bus of EventBridge, for whoever waits for the request."""
    detail = {
        "id": run.id,
        "cluster": run.cluster,
        "taskDefinition": run.request["taskDefinition"],
        "tasks": run.tasks,
        "count": run.count,
        "waitedSeconds": round(runtime.now() - run.sent_at),
        "reason": run.reason if what == GIVEN_UP else "",
    }
    said = runtime.events.put_events(Entries=[{"Source": SOURCE, "DetailType": what, "Detail": json.dumps(detail)}])
    # EventBridge API, PutEvents: entries may fail in an answer of status 200.
    if said["FailedEntryCount"]:
        raise RuntimeError(f"EventBridge refused the event {what}: {said['Entries'][0].get('ErrorMessage')}")
