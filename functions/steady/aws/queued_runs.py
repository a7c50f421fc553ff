"""Keep the requests of the launch queue: one DynamoDB item each, and one for each cluster's rounds.

A request stays as an item after it was run or given up, so that a copy of its message is known and runs nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from steady.aws.runtime import Runtime
from steady.queued_run import QueuedRun

KEY = "launch"
# The index of the requests that wait: only their items have its key.
WAITING_INDEX, WAITS_IN = "waiting", "waits_in"
EXPIRES = "expires"
# SQS keeps a message for 14 days, and a copy of it as long.
KEPT_S = 14 * 24 * 3600
# No cluster can have such a name.
ROUND_KEY = "#round/"


def add(runtime: Runtime, table: str, run: QueuedRun) -> bool:
    """Keep a request that begins to wait. Return False for a copy of one that is known."""
    try:
        runtime.dynamodb.put_item(
            TableName=table, Item=_item(run, waits=True), ConditionExpression=f"attribute_not_exists({KEY})"
        )
    except runtime.dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def save(runtime: Runtime, table: str, run: QueuedRun) -> None:
    """Keep what became of a try: the request goes on waiting."""
    runtime.dynamodb.put_item(TableName=table, Item=_item(run, waits=True))


def finish(runtime: Runtime, table: str, run: QueuedRun) -> None:
    """Keep a request that was run or given up, so that a copy of it is known."""
    item = {**_item(run, waits=False), EXPIRES: {"N": str(math.ceil(runtime.now()) + KEPT_S)}}
    runtime.dynamodb.put_item(TableName=table, Item=item)


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


def ask(runtime: Runtime, table: str, run: QueuedRun) -> QueuedRun | None:
    """Note that RunTask is about to be called for the request, and return it as it is now; None: it no longer waits.

    After a crash, the note says that its tasks may have been started.
    """
    try:
        answer = runtime.dynamodb.update_item(
            TableName=table,
            Key=_key(run),
            UpdateExpression="SET asked = :yes",
            ConditionExpression=f"attribute_exists({WAITS_IN})",
            ExpressionAttributeValues={":yes": {"BOOL": True}},
            ReturnValues="ALL_NEW",
        )
    except runtime.dynamodb.exceptions.ConditionalCheckFailedException:
        return None
    return _run(answer["Attributes"])


def begin_round(runtime: Runtime, table: str, cluster: str, for_s: float) -> float:
    """Begin a round of `cluster`, the only one for `for_s` seconds. Return until when; 0: another one goes on."""
    now = runtime.now()
    until = now + for_s
    try:
        runtime.dynamodb.update_item(
            TableName=table,
            Key=_round(cluster),
            UpdateExpression="SET held_until = :until",
            ConditionExpression="attribute_not_exists(held_until) OR held_until <= :now",
            ExpressionAttributeValues={":until": {"N": str(until)}, ":now": {"N": str(now)}},
        )
    except runtime.dynamodb.exceptions.ConditionalCheckFailedException:
        return 0.0
    return until


def end_round(runtime: Runtime, table: str, cluster: str, until: float) -> None:
    """End the round that holds `cluster` until `until`. One that another invocation has begun since goes on."""
    try:
        runtime.dynamodb.update_item(
            TableName=table,
            Key=_round(cluster),
            UpdateExpression="SET held_until = :nobody",
            ConditionExpression="held_until = :ours",
            ExpressionAttributeValues={":nobody": {"N": "0"}, ":ours": {"N": str(until)}},
        )
    except runtime.dynamodb.exceptions.ConditionalCheckFailedException:
        return


def book_round(runtime: Runtime, table: str, queue_url: str, cluster: str, delay_s: float) -> None:
    """Have the next round of `cluster` begin in `delay_s` seconds, unless one is booked that begins before."""
    now = runtime.now()
    delay_s = math.ceil(delay_s)
    try:
        runtime.dynamodb.update_item(
            TableName=table,
            Key=_round(cluster),
            UpdateExpression="SET next_at = :at",
            ConditionExpression="attribute_not_exists(next_at) OR next_at <= :now OR next_at > :at",
            ExpressionAttributeValues={":at": {"N": str(now + delay_s)}, ":now": {"N": str(now)}},
        )
    except runtime.dynamodb.exceptions.ConditionalCheckFailedException:
        return
    runtime.sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps({"round": cluster}), DelaySeconds=delay_s)


def _key(run: QueuedRun) -> dict[str, Any]:
    return {KEY: {"S": f"{run.cluster}/{run.id}"}}


def _round(cluster: str) -> dict[str, Any]:
    return {KEY: {"S": f"{ROUND_KEY}{cluster}"}}


def _item(run: QueuedRun, *, waits: bool) -> dict[str, Any]:
    waits_in = {WAITS_IN: {"S": run.cluster}} if waits else {}
    return {**_key(run), **waits_in, "run": {"S": json.dumps(asdict(run))}}


def _run(item: Mapping[str, Any]) -> QueuedRun:
    fields = json.loads(item["run"]["S"])
    return QueuedRun(**{**fields, "tasks": tuple(fields["tasks"]), "asked": "asked" in item})
