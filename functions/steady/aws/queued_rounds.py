"""The rounds of the launch queue: one at a time in a cluster, by an item of the requests' table.

A round holds its cluster for some seconds, and renews that while it goes on. Lambda tells nobody at once that an
invocation of a queue's function has crashed (Lambda Developer Guide, "Handling errors for an SQS event source": "After
your queue's visibility timeout runs out, the message will again reappear").
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from steady.aws.queued_runs import KEY, update_if
from steady.aws.runtime import Runtime

# A round that has crashed blocks its cluster for no longer than this.
HELD_FOR_S = 4.0
# The key of the item with a cluster's rounds begins with this: those of requests are digests.
ROUND_KEY = "#round/"


class RoundTaken(Exception):
    """The hold of the cluster has ended, and another round has begun."""

    def __init__(self, cluster: str) -> None:
        super().__init__(f"cluster {cluster}: another round of the launch queue has begun")


@dataclass
class Hold:
    """The hold of a cluster by one round, which `id` names."""

    runtime: Runtime
    table: str
    cluster: str
    id: str
    until: float

    @staticmethod
    def begin(runtime: Runtime, table: str, cluster: str) -> Hold | None:
        """Begin a round of `cluster`; None: another one goes on."""
        now = runtime.now()
        hold = Hold(runtime, table, cluster, str(now), now + HELD_FOR_S)
        item = update_if(
            runtime,
            TableName=table,
            Key=_round(cluster),
            UpdateExpression="SET held_until = :until, held_by = :id",
            ConditionExpression="attribute_not_exists(held_until) OR held_until <= :now",
            ExpressionAttributeValues={
                ":until": {"N": str(hold.until)},
                ":id": {"S": hold.id},
                ":now": {"N": str(now)},
            },
        )
        return None if item is None else hold

    def keep(self) -> None:
        """Renew the hold once half of it is over; one that has ended, too, if no other round has begun since.

        Raises:
            RoundTaken: if another round has begun.
        """
        now = self.runtime.now()
        if self.until - now > HELD_FOR_S / 2:
            return
        if not self._set(now + HELD_FOR_S):
            raise RoundTaken(self.cluster)
        self.until = now + HELD_FOR_S

    def end(self) -> None:
        """End the round. One that another invocation has begun since goes on."""
        self._set(0.0)

    def _set(self, until: float) -> bool:
        item = update_if(
            self.runtime,
            TableName=self.table,
            Key=_round(self.cluster),
            UpdateExpression="SET held_until = :until",
            ConditionExpression="held_by = :id",
            ExpressionAttributeValues={":until": {"N": str(until)}, ":id": {"S": self.id}},
        )
        return item is not None


def book_round(runtime: Runtime, table: str, queue_url: str, cluster: str, delay_s: float) -> None:
    """Have the next round of `cluster` begin in `delay_s` seconds, unless one is booked that begins before."""
    now = runtime.now()
    delay_s = math.ceil(delay_s)
    item = update_if(
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


def _round(cluster: str) -> dict[str, Any]:
    return {KEY: {"S": f"{ROUND_KEY}{cluster}"}}
