"""Keep the requests of the launch queue: one DynamoDB item each, and one for each cluster's rounds.

A request stays as an item after it was run or given up, so that a copy of its message is known and runs nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from steady.aws.runtime import Runtime
from steady.queued_run import QueuedRun

KEY = "launch_id"
# The index of the requests that wait: only their items have its key.
WAITING_INDEX, WAITS_IN = "waiting", "waits_in"
EXPIRES = "expires_at"
# SQS keeps a message for 14 days, and a copy of it as long.
KEPT_S = 14 * 24 * 3600
# The key of the item with a cluster's rounds begins with this: those of requests are digests.
ROUND_KEY = "#round/"


@dataclass(frozen=True, slots=True)
class Ended:
    """A request, and those of its tasks that have ended, and have failed, by ARN.

    Tasks of a gang that was started in part, and so was stopped, are none of these.
    """

    run: QueuedRun
    tasks: frozenset[str]
    failed: frozenset[str]

    @staticmethod
    def of(item: Mapping[str, Any]) -> Ended:
        """Return what an item says."""
        run = _run(item)
        ended, failed = (frozenset(item.get(name, {}).get("SS", [])) for name in ("tasks_ended", "tasks_failed"))
        return Ended(run, ended & {*run.tasks}, failed & {*run.tasks})

    @property
    def is_whole(self) -> bool:
        """Whether all tasks have been started, and have ended."""
        return len(self.tasks) == self.run.count


def add(runtime: Runtime, table: str, run: QueuedRun) -> bool:
    """Keep a request that begins to wait. Return False for a copy of one that is known."""
    item = {KEY: {"S": run.key}, WAITS_IN: {"S": run.cluster}, "queued_run": _value(run)}
    try:
        runtime.dynamodb.put_item(TableName=table, Item=item, ConditionExpression=f"attribute_not_exists({KEY})")
    except runtime.dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def save(runtime: Runtime, table: str, run: QueuedRun) -> Ended:
    """Keep what became of a try: the request goes on waiting. Return which of its tasks have ended already."""
    answer = runtime.dynamodb.update_item(
        TableName=table,
        Key=_key(run),
        UpdateExpression="SET queued_run = :run REMOVE asked_for",
        ExpressionAttributeValues={":run": _value(run)},
        ReturnValues="ALL_NEW",
    )
    return Ended.of(answer["Attributes"])


def finish(runtime: Runtime, table: str, run: QueuedRun) -> None:
    """Keep a request that was run or given up, so that a copy of it is known."""
    runtime.dynamodb.update_item(
        TableName=table,
        Key=_key(run),
        UpdateExpression=f"SET queued_run = :run, {EXPIRES} = :expires REMOVE asked_for, {WAITS_IN}",
        ExpressionAttributeValues={
            ":run": _value(run),
            ":expires": {"N": str(math.ceil(runtime.now()) + KEPT_S)},
        },
    )


def end_task(runtime: Runtime, table: str, key: str, task: str, *, failed: bool) -> Ended | None:
    """Note that a task of the request `key` has ended; None: there is no such request, or it has expired."""
    also = ", tasks_failed :task" if failed else ""
    item = _update_if(
        runtime,
        TableName=table,
        Key={KEY: {"S": key}},
        UpdateExpression=f"ADD tasks_ended :task{also}",
        ConditionExpression=f"attribute_exists({KEY})",
        ExpressionAttributeValues={":task": {"SS": [task]}},
    )
    return None if item is None else Ended.of(item)


def waiting(runtime: Runtime, table: str, cluster: str) -> list[QueuedRun]:
    """Return the requests that wait in `cluster`. The index may be some seconds behind: see `read`."""
    pages = runtime.dynamodb.get_paginator("query").paginate(
        TableName=table,
        IndexName=WAITING_INDEX,
        KeyConditionExpression=f"{WAITS_IN} = :cluster",
        ExpressionAttributeValues={":cluster": {"S": cluster}},
    )
    return [_run(item) for page in pages for item in page["Items"]]


def read(runtime: Runtime, table: str, run: QueuedRun) -> QueuedRun | None:
    """Return the request as it is now; None: it no longer waits."""
    item = runtime.dynamodb.get_item(TableName=table, Key=_key(run), ConsistentRead=True).get("Item", {})
    return _run(item) if WAITS_IN in item else None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a request has come; `waits` is whether it still waits."""

    ended: Ended
    waits: bool


def read_progress(runtime: Runtime, table: str, key: str) -> Progress | None:
    """Return how far the request `key` has come; None: its message has not been read yet."""
    answer = runtime.dynamodb.get_item(TableName=table, Key={KEY: {"S": key}}, ConsistentRead=True)
    item = answer.get("Item")
    return Progress(Ended.of(item), WAITS_IN in item) if item else None


def ask(runtime: Runtime, table: str, run: QueuedRun) -> QueuedRun | None:
    """Note that RunTask is about to be called for the request, and return it as it is now; None: it no longer waits.

    After a crash, the note says that its tasks may have been started.
    """
    item = _update_if(
        runtime,
        TableName=table,
        Key=_key(run),
        UpdateExpression="SET asked_for = :yes",
        ConditionExpression=f"attribute_exists({WAITS_IN})",
        ExpressionAttributeValues={":yes": {"BOOL": True}},
    )
    return None if item is None else _run(item)


def begin_round(runtime: Runtime, table: str, cluster: str, for_s: float) -> float:
    """Begin a round of `cluster`, the only one for `for_s` seconds. Return until when; 0: another one goes on."""
    now = runtime.now()
    until = now + for_s
    item = _update_if(
        runtime,
        TableName=table,
        Key=_round(cluster),
        UpdateExpression="SET held_until = :until",
        ConditionExpression="attribute_not_exists(held_until) OR held_until <= :now",
        ExpressionAttributeValues={":until": {"N": str(until)}, ":now": {"N": str(now)}},
    )
    return 0.0 if item is None else until


def end_round(runtime: Runtime, table: str, cluster: str, until: float) -> None:
    """End the round that holds `cluster` until `until`. One that another invocation has begun since goes on."""
    _update_if(
        runtime,
        TableName=table,
        Key=_round(cluster),
        UpdateExpression="SET held_until = :nobody",
        ConditionExpression="held_until = :ours",
        ExpressionAttributeValues={":nobody": {"N": "0"}, ":ours": {"N": str(until)}},
    )


def book_round(runtime: Runtime, table: str, queue_url: str, cluster: str, delay_s: float) -> None:
    """Have the next round of `cluster` begin in `delay_s` seconds, unless one is booked that begins before."""
    now = runtime.now()
    delay_s = math.ceil(delay_s)
    item = _update_if(
        runtime,
        TableName=table,
        Key=_round(cluster),
        UpdateExpression="SET next_at = :at",
        ConditionExpression="attribute_not_exists(next_at) OR next_at <= :now OR next_at > :at",
        ExpressionAttributeValues={":at": {"N": str(now + delay_s)}, ":now": {"N": str(now)}},
    )
    if item is None:
        return
    runtime.sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps({"round": cluster}), DelaySeconds=delay_s)


def _update_if(runtime: Runtime, **params: Any) -> Mapping[str, Any] | None:
    """Update an item, and return it as it is then; None: it does not meet the condition, and stays as it was."""
    try:
        answer = runtime.dynamodb.update_item(**params, ReturnValues="ALL_NEW")
    except runtime.dynamodb.exceptions.ConditionalCheckFailedException:
        return None
    return answer["Attributes"]


def _key(run: QueuedRun) -> dict[str, Any]:
    return {KEY: {"S": run.key}}


def _round(cluster: str) -> dict[str, Any]:
    return {KEY: {"S": f"{ROUND_KEY}{cluster}"}}


def _value(run: QueuedRun) -> dict[str, Any]:
    return {"S": json.dumps(asdict(run))}


def _run(item: Mapping[str, Any]) -> QueuedRun:
    fields = json.loads(item["queued_run"]["S"])
    return QueuedRun(**{**fields, "tasks": tuple(fields["tasks"]), "asked": "asked_for" in item})
