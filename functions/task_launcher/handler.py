"""Lambda entry: an SQS batch of the launch queue. Requests are kept first, and then a round of each cluster is run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from steady.aws import queue, queued_runs
from steady.aws.api_budget.budget import budget_of
from steady.aws.runtime import CONNECTIONS, Runtime
from steady.aws.scaling import by_cluster
from steady.aws.settings import cluster_settings, clusters
from steady.names import CLUSTERS_PATH
from steady.queued_run import QueuedRun
from task_launcher.environment import Environment
from task_launcher.request import Request, Round, TaskEnd, parser_of
from task_launcher.rounds import run_round
from task_launcher.waiting_states import end_task

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    Message = queue.Message[Request | Round | TaskEnd]


@cache
def runtime() -> Runtime:
    """Make the runtime of this process."""
    return Runtime()


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Handle Lambda's SQS event; return the messages that SQS delivers again."""
    try:
        return handle_batch(event, runtime(), Environment.read())
    finally:
        runtime().report_calls()


def handle_batch(event: Mapping[str, Any], runtime: Runtime, environment: Environment) -> dict[str, Any]:
    """Keep the requests of a batch, a cluster at a time, and run a round of each cluster that it names."""
    budget = budget_of(runtime, environment.ledger_table)
    shape: Any = runtime.ecs_once.meta.service_model.operation_model("RunTask").input_shape
    batch = queue.parse_batch(runtime, event, parser_of(shape), environment.dead_letter_queue_url)
    not_kept: list[str] = []

    def handle(name: str, messages: list[Message]) -> None:
        requests = [m for m in messages if isinstance(m.value, Request)]
        if not clusters.is_managed(runtime, name):
            reason = f"cluster {name} is not managed: set {CLUSTERS_PATH}/{name}/capacity"
            for message in requests:
                queue.set_aside(runtime, message.body, reason, environment.dead_letter_queue_url)
            return
        cluster = cluster_settings.read_cluster(runtime, name, cluster_settings.BURST_MAX_AGE_S)
        budget.share = cluster.thresholds.api_share / 100
        # A session makes its clients in one thread only: before the calls side by side.
        table, _ = environment.launches_table, (runtime.dynamodb, runtime.step_functions)
        ends = [m.value for m in messages if isinstance(m.value, TaskEnd)]
        runtime.in_parallel(lambda end: end_task(runtime, table, end), ends)
        if len(ends) == len(messages):
            return
        runs = [m.value.queued(m.id, m.sent_at) for m in requests if isinstance(m.value, Request)]
        added = runtime.in_parallel(lambda run: _add(runtime, table, run), runs, CONNECTIONS)
        not_kept.extend(message.id for message, is_new in zip(requests, added, strict=True) if is_new is None)
        run_round(runtime, environment, cluster, [run for run, is_new in zip(runs, added, strict=True) if is_new])

    failed = by_cluster.each_cluster(runtime, batch.messages, handle)
    return queue.batch_response([*batch.failed_ids, *failed, *not_kept])


def _add(runtime: Runtime, table: str, run: QueuedRun) -> bool | None:
    """Keep a request; return whether it is new. None: it could not be kept, and its message comes again."""
    try:
        return queued_runs.add(runtime, table, run)
    except Exception as error:
        runtime.telemetry.error(
            f"cluster {run.cluster}: launch {run.id} could not be kept; its message comes again: {error}",
            cluster=run.cluster,
        )
        return None
