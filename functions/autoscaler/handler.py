"""Lambda entry: a tick for one cluster from the schedule, or an SQS batch of triggers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from autoscaler.triggers import Trigger, parse
from steady.aws import queue
from steady.aws.api_budget.budget import OverBudget
from steady.aws.runtime import Runtime
from steady.aws.scaling import by_cluster, evaluation, ledger
from steady.aws.settings import cluster_settings, clusters
from steady.metrics import MetricName
from steady.scaling.state import ScalingState

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@cache
def runtime() -> Runtime:
    return Runtime()


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    try:
        environment = replace(evaluation.Environment.read(), invocation=context.aws_request_id)
        return handle_event(event, runtime(), environment, os.environ["DEAD_LETTER_QUEUE_URL"])
    finally:
        runtime().report_calls()


def handle_event(
    event: Mapping[str, Any], runtime: Runtime, environment: evaluation.Environment, dead_letter_queue_url: str
) -> dict[str, Any]:
    """Evaluate the cluster that a tick names, `{"cluster": "web"}`, or each cluster that a batch of triggers names."""
    if "Records" in event:
        return _triggered(event, runtime, environment, dead_letter_queue_url)
    cluster = cluster_settings.read_cluster(runtime, event["cluster"])
    try:
        evaluation.evaluate(runtime, environment, cluster)
    except evaluation.POSTPONED as error:
        # Whoever held the cluster has seen what this tick would have seen; the next tick comes in a minute.
        runtime.telemetry.info(
            f"cluster {cluster.name}: tick skipped, the next one decides: {error}", cluster=cluster.name
        )
        runtime.telemetry.count(MetricName.CALLS_SHED, isinstance(error, OverBudget), cluster.name)
    # An alarm watches that ticks come.
    runtime.telemetry.count(MetricName.TICKS, cluster=cluster.name)
    return {}


def _triggered(
    event: Mapping[str, Any], runtime: Runtime, environment: evaluation.Environment, dead_letter_queue_url: str
) -> dict[str, Any]:
    batch = queue.parse_batch(runtime, event, parse, dead_letter_queue_url)

    def handle(name: str, messages: list[queue.Message[Trigger]]) -> None:
        if not clusters.is_managed(runtime, name):
            runtime.telemetry.info(f"cluster {name} is not managed: {len(messages)} triggers ignored")
            return
        for message in messages:
            if message.value.failed:
                # It does nothing more: nobody has to wait until its hold is over.
                ledger.free(runtime, environment.ledger_table, name, message.value.failed)
        try:
            cluster = cluster_settings.read_cluster(runtime, name)
            evaluation.evaluate(runtime, environment, cluster, lambda state: _with_triggers(state, messages))
        except OverBudget as error:
            # The next look finds them in the ledger; messages that come again would only ask for more calls.
            evaluation.remember(runtime, environment.ledger_table, name, lambda state: _with_triggers(state, messages))
            runtime.telemetry.info(
                f"cluster {name}: {len(messages)} triggers remembered, the next tick decides: {error}", cluster=name
            )
            runtime.telemetry.count(MetricName.CALLS_SHED, cluster=name)
        except Exception as error:
            if any(not message.value.failed for message in messages):
                raise
            # As often as each tick may fail, its second try may: no dead letters come of that.
            runtime.telemetry.error(
                f"cluster {name}: also the second try of a tick has failed, the next tick decides: {error}",
                cluster=name,
            )

    failed = by_cluster.each_cluster(runtime, batch.messages, handle)
    return queue.batch_response([*batch.failed_ids, *failed])


def _with_triggers(state: ScalingState, messages: Sequence[queue.Message[Trigger]]) -> ScalingState:
    """Return `state` with what the triggers say: whose placement failed, and which instances are about to go."""
    failed_at, doomed = dict(state.placement_failed_at), dict(state.doomed)
    for message in messages:
        trigger = message.value
        if trigger.service:
            failed_at[trigger.service] = max(message.sent_at, failed_at.get(trigger.service, message.sent_at))
        doomed.update(dict.fromkeys(trigger.doomed, message.sent_at))
    return replace(state, placement_failed_at=failed_at, doomed=doomed)
