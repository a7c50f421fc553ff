"""Lambda entry: an SQS batch of hako's messages. New demand is decided on at once, repeated demand is renewed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from runtask_failure.failure import RunTaskFailure, parse
from steady.aws import queue
from steady.aws.runtime import Runtime
from steady.aws.scaling import evaluation
from steady.aws.settings import cluster_settings, clusters
from steady.cluster import PoolKind
from steady.names import CLUSTERS_PATH
from steady.scaling.demand import Demand, remembered, still_said
from steady.scaling.state import Memory
from steady.thresholds import ClusterSettings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    Message = queue.Message[RunTaskFailure]

# A burst of failures is many batches; the thresholds that hold for them need not be read for each.
SETTINGS_KEPT_S = 30.0


@cache
def runtime() -> Runtime:
    return Runtime()


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    try:
        return handle_batch(event, runtime(), evaluation.Desk.read(), os.environ["DEAD_LETTER_QUEUE_URL"])
    finally:
        runtime().report_calls()


def handle_batch(
    event: Mapping[str, Any], runtime: Runtime, desk: evaluation.Desk, dead_letter_queue_url: str
) -> dict[str, Any]:
    """Remembers what a batch says, a cluster at a time, and decides about those with demand that was not known yet.

    Demand that is only said again needs no decision: the one before it took it in, and the tick mends what failed.
    """
    batch = queue.received(runtime, event, parse, dead_letter_queue_url)

    def handle(name: str, messages: list[Message]) -> None:
        if not clusters.is_managed(runtime, name):
            path = f"{CLUSTERS_PATH}/{name}/capacity"
            _set_aside(runtime, messages, f"cluster {name} is not managed: set {path}", dead_letter_queue_url)
            return
        cluster = cluster_settings.cluster_named(runtime, name, SETTINGS_KEPT_S)
        foreign = [m for m in messages if not _is_of(cluster, m.value)]
        _set_aside(runtime, foreign, f"the group is not {cluster.pool.name}, that of {name}", dead_letter_queue_url)
        messages = [m for m in messages if m not in foreign]
        if not messages:
            return
        said = _Said(runtime, cluster, messages)
        try:
            evaluation.remember(runtime, desk.ledger_table, cluster.name, said.change)
        except (ClientError, BotoCoreError):
            # Without the ledger, what is said is decided on at once.
            evaluation.evaluate(runtime, desk, cluster, said.change)
            return
        runtime.telemetry.count("RunTaskFailuresSaid", len(messages), name)
        if said.new:
            evaluation.evaluate(runtime, desk, cluster)

    failed = evaluation.each_cluster(runtime, batch.messages, handle)
    return queue.response([*batch.failed_ids, *failed])


class _Said:
    """The demands that messages say, as a change of the cluster's memory; `new` are those that were not known there."""

    def __init__(self, runtime: Runtime, cluster: ClusterSettings, messages: Sequence[Message]) -> None:
        self.new: set[str] = set()
        self._demands = [Demand(m.value.key, m.value.size, m.sent_at, m.sent_at) for m in messages]
        self._now = runtime.now
        self._silent_after_s = cluster.thresholds.demand_silent_after_seconds

    def change(self, memory: Memory) -> Memory:
        known = still_said(memory.demands, self._now(), self._silent_after_s)
        self.new = {d.key for d in self._demands if d.key not in known}
        return replace(memory, demands=remembered(known, self._demands))


def _is_of(cluster: ClusterSettings, failure: RunTaskFailure) -> bool:
    """Whether a message that names a group names that of its cluster. A fleet's cluster has no group."""
    is_group = cluster.pool.kind is PoolKind.AUTO_SCALING_GROUP
    return not is_group or not failure.group or failure.group == cluster.pool.name


def _set_aside(runtime: Runtime, messages: Sequence[Message], reason: str, dead_letter_queue_url: str) -> None:
    for message in messages:
        failure = message.value
        body = {
            "cluster": failure.cluster,
            "group_name": failure.group,
            "cpu": failure.size.cpu_units,
            "memory": failure.size.memory_mib,
            "hako_task_id": failure.key,
        }
        queue.set_aside(runtime, json.dumps(body), reason, dead_letter_queue_url)
