"""Keep the requests of the launch queue: one DynamoDB item each.

A request stays as an item after it was run or given up, so that a copy of its message is known and runs nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
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


class AskedByOthers(Exception):
    """Another round has asked for the request since: what becomes of it is known there."""


def save(runtime: Runtime, table: str, run: QueuedRun, asker: str) -> Ended:
    """Keep what became of a try: the request goes on waiting. Return which of its tasks have ended already.

    Raises:
        AskedByOthers: if another round than `asker` has asked for it since.
    """
    item = update_if(
        runtime,
        TableName=table,
        Key=_key(run),
        UpdateExpression="SET queued_run = :run REMOVE asked_at",
        ConditionExpression="asked_by = :asker",
        ExpressionAttributeValues={":run": _value(run), ":asker": {"S": asker}},
    )
    if item is None:
        raise AskedByOthers(f"launch {run.id} is dealt with by another round")
    return Ended.of(item)


def finish(runtime: Runtime, table: str, run: QueuedRun, asker: str) -> None:
    """Keep a request that was run or given up, so that a copy of it is known.

    One for which another round than `asker` has asked since stays as it is: that round finishes it.
    """
    update_if(
        runtime,
        TableName=table,
        Key=_key(run),
        UpdateExpression=f"SET queued_run = :run, {EXPIRES} = :expires REMOVE asked_at, {WAITS_IN}",
        ConditionExpression="attribute_not_exists(asked_by) OR attribute_not_exists(asked_at) OR asked_by = :asker",
        ExpressionAttributeValues={
            ":run": _value(run),
            ":expires": {"N": str(math.ceil(runtime.now()) + KEPT_S)},
            ":asker": {"S": asker},
        },
    )


def end_task(runtime: Runtime, table: str, key: str, task: str, *, failed: bool) -> Ended | None:
    """Note that a task of the request `key` has ended; None: there is no such request, or it has expired."""
    also = ", tasks_failed :task" if failed else ""
    item = update_if(
        runtime,
        TableName=table,
        Key={KEY: {"S": key}},
        UpdateExpression=f"ADD tasks_ended :task{also}",
        ConditionExpression=f"attribute_exists({KEY})",
        ExpressionAttributeValues={":task": {"SS": [task]}},
    )
    return None if item is None else Ended.of(item)


def waiting(
    runtime: Runtime, table: str, cluster: str, keep_hold: Callable[[], None] = lambda: None
) -> list[QueuedRun]:
    """Return the requests that wait in `cluster`. The index may be some seconds behind: see `read`.

    Args:
        keep_hold: called after each page.
    """
    pages = runtime.dynamodb.get_paginator("query").paginate(
        TableName=table,
        IndexName=WAITING_INDEX,
        KeyConditionExpression=f"{WAITS_IN} = :cluster",
        ExpressionAttributeValues={":cluster": {"S": cluster}},
    )
    found: list[QueuedRun] = []
    for page in pages:
        found += [_run(item) for item in page["Items"]]
        keep_hold()
    return found


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


def ask(runtime: Runtime, table: str, run: QueuedRun, asker: str) -> QueuedRun | None:
    """Note that the round `asker` is about to call RunTask, and return the request as it was before.

    None: it no longer waits. After a crash, the note says that its tasks may have been started.
    """
    item = update_if(
        runtime,
        TableName=table,
        Key=_key(run),
        UpdateExpression="SET asked_at = :now, asked_by = :asker",
        ConditionExpression=f"attribute_exists({WAITS_IN})",
        ExpressionAttributeValues={":now": {"N": str(runtime.now())}, ":asker": {"S": asker}},
        ReturnValues="ALL_OLD",
    )
    return None if item is None else _run(item)


def leave_asked(runtime: Runtime, table: str, run: QueuedRun, asker: str) -> None:
    """Note that the call that has had no answer is still the one of `run`, as it was before `asker` asked."""
    update_if(
        runtime,
        TableName=table,
        Key=_key(run),
        UpdateExpression="SET asked_at = :before",
        ConditionExpression="asked_by = :asker",
        ExpressionAttributeValues={":before": {"N": str(run.asked_at)}, ":asker": {"S": asker}},
    )


def update_if(runtime: Runtime, **params: Any) -> Mapping[str, Any] | None:
    """Update an item, and return it as it is then; None: it does not meet the condition, and stays as it was."""
    try:
        answer = runtime.dynamodb.update_item(**{"ReturnValues": "ALL_NEW", **params})
    except runtime.dynamodb.exceptions.ConditionalCheckFailedException:
        return None
    return answer["Attributes"]


def _key(run: QueuedRun) -> dict[str, Any]:
    return {KEY: {"S": run.key}}


def _value(run: QueuedRun) -> dict[str, Any]:
    fields = asdict(run)
    del fields["asked_at"]
    return {"S": json.dumps(fields)}


def _run(item: Mapping[str, Any]) -> QueuedRun:
    fields = json.loads(item["queued_run"]["S"])
    asked_at = float(item.get("asked_at", {}).get("N", "0"))
    return QueuedRun(**{**fields, "tasks": tuple(fields["tasks"]), "asked_at": asked_at})
