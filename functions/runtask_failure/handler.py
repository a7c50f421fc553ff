"""Lambda entry: an SQS batch of hako's messages. New demand is decided on at once, repeated demand is renewed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from runtask_failure import reported_call
from runtask_failure.failure import RunTaskFailure
from runtask_failure.message import parse
from steady.aws import queue
from steady.aws.api_budget.budget import budget_of
from steady.aws.capacity.providers import Providers
from steady.aws.ecs.runs import launch_of_run, read_run_shape
from steady.aws.errors import may_pass
from steady.aws.runtime import Runtime
from steady.aws.scaling import by_cluster, evaluation
from steady.aws.settings import cluster_settings, clusters
from steady.cluster import TaskShape
from steady.launch import EC2
from steady.metrics import MetricName
from steady.names import CLUSTERS_PATH
from steady.scaling.demand import Demand, RunShape, key_of_run, merge_demands, still_repeated
from steady.scaling.state import ScalingState
from steady.settings import ClusterSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    Message = queue.Message[RunTaskFailure]


@cache
def runtime() -> Runtime:
    return Runtime()


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    try:
        return handle_batch(event, runtime(), evaluation.Environment.read(), os.environ["DEAD_LETTER_QUEUE_URL"])
    finally:
        runtime().report_calls()


def handle_batch(
    event: Mapping[str, Any], runtime: Runtime, environment: evaluation.Environment, dead_letter_queue_url: str
) -> dict[str, Any]:
    """Remember the demands of a batch, a cluster at a time, and decide about the clusters with new demand.

    Demand that is only repeated needs no decision: an earlier decision has taken it into account, and the tick repairs
    what failed.
    """
    batch = queue.parse_batch(runtime, event, parse, dead_letter_queue_url)

    def handle(name: str, messages: list[Message]) -> None:
        messages = _asking(messages)
        if not clusters.is_managed(runtime, name):
            path = f"{CLUSTERS_PATH}/{name}/capacity"
            # CloudTrail reports the calls for all clusters of the account.
            messages = [m for m in messages if not m.value.reported]
            _set_aside(runtime, messages, f"cluster {name} is not managed: set {path}", dead_letter_queue_url)
            return
        cluster = cluster_settings.read_cluster(runtime, name, cluster_settings.BURST_MAX_AGE_S)
        foreign = [m for m in messages if not _is_of(cluster, m.value)]
        _set_aside(
            runtime,
            foreign,
            f"group_name is not {' or '.join(_groups(cluster))}, the group of cluster {name}",
            dead_letter_queue_url,
        )
        # Before the first call of ECS, so that it counts.
        budget_of(runtime, environment.ledger_table)
        ours = _served(runtime, cluster, [m for m in messages if m not in foreign])
        messages, shapes = _with_shapes(runtime, ours, dead_letter_queue_url)
        if not messages:
            return
        demands = RecordDemands(runtime, cluster, messages, shapes)
        try:
            evaluation.remember(runtime, environment.ledger_table, cluster.name, demands)
        except Exception:
            # Without the ledger, nothing says which demand is new: each is decided on at once.
            evaluation.evaluate(runtime, environment, cluster, demands)
            return
        runtime.telemetry.count(MetricName.RUN_TASK_FAILURES_SAID, len(messages), name)
        if demands.new:
            evaluation.evaluate(runtime, environment, cluster)

    failed = by_cluster.each_cluster(runtime, batch.messages, handle)
    return queue.batch_response([*batch.failed_ids, *failed])


class RecordDemands:
    """The demands of messages, as an update of the cluster's state; `new` are the keys that the state did not hold."""

    def __init__(
        self,
        runtime: Runtime,
        cluster: ClusterSettings,
        messages: Sequence[Message],
        shapes: Mapping[str, TaskShape],
    ) -> None:
        self.new: set[str] = set()
        self._demands, self._runs = [], {}
        for message in messages:
            failure, at = message.value, message.sent_at
            shape = shapes.get(message.id)
            for number in range(1, failure.count + 1):
                key = key_of_run(failure.key, number)
                self._demands.append(Demand(key, shape.size if shape else failure.size, at, at))
                if shape or failure.providers:
                    run = shape or TaskShape(failure.size)
                    self._runs[key] = RunShape.of(replace(run, providers=failure.providers))
        self._now = runtime.now
        self._silent_after_s = cluster.thresholds.demand_silent_after_seconds

    def __call__(self, state: ScalingState) -> ScalingState:
        known = still_repeated(state.demands, self._now(), self._silent_after_s)
        self.new = {d.key for d in self._demands if d.key not in known}
        demands = merge_demands(known, self._demands)
        runs = {key: one for key, one in {**state.run_shapes, **self._runs}.items() if key in demands}
        return replace(state, demands=demands, run_shapes=runs)


def _asking(messages: Sequence[Message]) -> list[Message]:
    """Return the messages that ask for tasks, each of the calls among them that CloudTrail reports once."""
    by_call = {m.value.reported: m for m in messages if m.value.reported and m.value.count}
    calls = reported_call.apart(m.value for m in by_call.values())
    return [
        *(m for m in messages if not m.value.reported),
        *(replace(by_call[call.reported], value=call) for call in calls if call.reported),
    ]


def _served(runtime: Runtime, cluster: ClusterSettings, messages: Sequence[Message]) -> list[Message]:
    """Return the messages about tasks that the cluster's pools serve, each with as many tasks as they get.

    The others are no mistake of the launcher: Fargate, or another pool, had no room.
    """
    providers = Providers(runtime, cluster.name, dict.fromkeys(cluster.pool_names, ()))
    served = []
    for message in messages:
        launch = launch_of_run(runtime, cluster.name, message.value.launch)
        ours = providers.ours(launch.providers)
        if count := launch.share(message.value.count, ours):
            served.append(replace(message, value=replace(message.value, count=count, providers=ours)))
        else:
            runtime.telemetry.info(
                f"cluster {cluster.name}: the RunTask failure {message.value.key} is ignored: its task runs on "
                f"{launch}, which {' and '.join(map(str, cluster.pool_names))} does not serve",
                cluster=cluster.name,
            )
    return served


def _with_shapes(
    runtime: Runtime, messages: Sequence[Message], dead_letter_queue_url: str
) -> tuple[list[Message], dict[str, TaskShape]]:
    """Return the messages whose size is known, and the whole shapes of those that name a task definition, by id.

    If the shape cannot be read, the message's own CPU and memory count. A message without these is set aside; if ECS
    only does not answer, it is left to the launcher, which repeats it.
    """
    known, shapes = [], {}
    for message in messages:
        failure = message.value
        if failure.task_definition:
            try:
                shapes[message.id] = read_run_shape(
                    runtime, failure.task_definition, failure.overrides, failure.constraints, failure.strategies
                )
            except Exception as error:
                text = f"the shape of a task of {failure.task_definition} cannot be read: {error}"
                runtime.telemetry.warning(f"cluster {failure.cluster}: {text}", cluster=failure.cluster)
                if not failure.size.memory_mib:
                    _leave(runtime, message, error, text, dead_letter_queue_url)
                    continue
        known.append(message)
    return known, shapes


def _leave(runtime: Runtime, message: Message, error: Exception, text: str, dead_letter_queue_url: str) -> None:
    if not message.value.reported and not may_pass(error):
        _set_aside(runtime, [message], f"{text}: cpu and memory are needed without it", dead_letter_queue_url)


def _is_of(cluster: ClusterSettings, failure: RunTaskFailure) -> bool:
    """Whether the group that a message names, if any, is one of the cluster's. A cluster of fleets has no group."""
    groups = _groups(cluster)
    return not groups or not failure.group or failure.group in groups


def _groups(cluster: ClusterSettings) -> list[str]:
    return [pool.name for pool in cluster.pool_names if pool.kind.traits.is_named_to_launchers]


def _set_aside(runtime: Runtime, messages: Sequence[Message], reason: str, dead_letter_queue_url: str) -> None:
    for message in messages:
        failure = message.value
        body: dict[str, Any] = {
            "cluster": failure.cluster,
            "group_name": failure.group,
            "cpu": failure.size.cpu_units,
            "memory": failure.size.memory_mib,
            "hako_task_id": failure.key,
        }
        if failure.task_definition:
            body |= {
                "task_definition": failure.task_definition,
                "overrides": failure.overrides,
                "count": failure.count,
                "placement_constraints": failure.constraints,
                "placement_strategy": failure.strategies,
            }
        if failure.launch.strategy:
            body["capacity_provider_strategy"] = failure.launch.described
        elif failure.launch.type != EC2:
            body["launch_type"] = failure.launch.type
        queue.set_aside(runtime, json.dumps(body), reason, dead_letter_queue_url)
