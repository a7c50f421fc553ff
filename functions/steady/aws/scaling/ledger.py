"""The ledger: what a cluster's decisions remember, in one DynamoDB item a cluster, with one writer at a time.

Every write depends on the version that was read. A decision that changes capacity holds the cluster for the few seconds
of its calls, so that no other decision is made from a snapshot of before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from steady.aws.runtime import Runtime
from steady.aws.scaling import ledger_item
from steady.metrics import MetricName
from steady.names import LEASE_KEY
from steady.scaling.state import ScalingState

# Calls that take longer renew the hold. A holder that crashed blocks the cluster for no longer than this.
HELD_FOR_S = 20


class LostRace(Exception):
    """Another invocation wrote first: look again, and decide again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The ledger's entry of one cluster.

    Attributes:
        held_until: in seconds since the epoch; 0 if nobody holds the cluster.
        held_by: the invocation of a function that holds the cluster, or was the last to.
        stored: the state as it is stored: a later version may have written more into it than `state` knows.
        at_least: the version over which it is written, if that is higher: that of an entry that was lost.
        acted: the version of the last write after which capacity was changed.
    """

    cluster: str
    version: int
    state: ScalingState
    held_until: float = 0.0
    stored: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    at_least: int = 0
    acted: int = 0
    held_by: str = ""


def load(runtime: Runtime, table: str, cluster: str) -> Entry:
    """Read the entry of `cluster`; an empty one at version 0 if there is none yet.

    What cannot be read of it is as in an empty one, and a warning names it.
    """
    answer = runtime.dynamodb.get_item(TableName=table, Key={"cluster": {"S": cluster}}, ConsistentRead=True)
    item = answer.get("Item")
    if not item:
        return Entry(cluster, 0, ScalingState())
    read = ledger_item.read_item(item)
    if read.unreadable:
        runtime.telemetry.warning(
            f"cluster {cluster}: {', '.join(read.unreadable)} in its ledger entry cannot be read, and begins anew; "
            "everything else is used",
            cluster=cluster,
        )
    version = int(item["version"]["N"])
    # Who wrote an entry without it may have changed capacity.
    acted = int(item["acted"]["N"]) if "acted" in item else version
    held_by = item.get("held_by", {}).get("S", "")
    return Entry(
        cluster, version, read.state, float(item["held_until"]["N"]), read.stored, acted=acted, held_by=held_by
    )


def save(
    runtime: Runtime,
    table: str,
    entry: Entry,
    state: ScalingState,
    held_until: float,
    *,
    acts: bool = False,
    held_by: str | None = None,
) -> Entry:
    """Write `state` over `entry`, and hold the cluster until `held_until` (seconds since the epoch).

    `acts` is whether capacity is changed then; `held_by` is the invocation that does it (None: it stays as it is).

    What does not fit into an item of DynamoDB is dropped, and an alarm says so.

    Raises:
        LostRace: if the entry was written since it was read.
    """
    written = ledger_item.write_item(state, entry.stored)
    version = max(entry.version, entry.at_least) + 1
    acted = version if acts or entry.at_least else entry.acted
    holder = entry.held_by if held_by is None else held_by
    try:
        runtime.dynamodb.put_item(
            TableName=table,
            Item={
                "cluster": {"S": entry.cluster},
                "version": {"N": str(version)},
                "acted": {"N": str(acted)},
                **written.attributes,
                "held_until": {"N": str(held_until)},
                "held_by": {"S": holder},
            },
            ConditionExpression="attribute_not_exists(version) OR version = :read",
            ExpressionAttributeValues={":read": {"N": str(entry.version)}},
        )
    except runtime.dynamodb.exceptions.ConditionalCheckFailedException as error:
        raise LostRace(f"the ledger's entry of cluster {entry.cluster} is newer than {entry.version}") from error
    if written.dropped:
        what = ", ".join(f"{count} {name}" for name, count in written.dropped.items())
        runtime.telemetry.warning(
            f"cluster {entry.cluster}: its ledger entry is full ({ledger_item.LARGEST} bytes), and does not hold "
            f"{what}: the next look takes these for new",
            cluster=entry.cluster,
            dropped=dict(written.dropped),
        )
        runtime.telemetry.count(MetricName.LEDGER_DROPPED, sum(written.dropped.values()), entry.cluster)
    return Entry(entry.cluster, version, state, held_until, written.stored, acted=acted, held_by=holder)


def release(runtime: Runtime, table: str, entry: Entry) -> None:
    """End the hold of `entry`, even if the entry was written meanwhile. A hold of another invocation stays."""
    try:
        runtime.dynamodb.update_item(
            TableName=table,
            Key={"cluster": {"S": entry.cluster}},
            UpdateExpression="SET held_until = :nobody",
            ConditionExpression="held_until = :ours",
            ExpressionAttributeValues={":nobody": {"N": "0"}, ":ours": {"N": str(entry.held_until)}},
        )
    except runtime.dynamodb.exceptions.ConditionalCheckFailedException:
        return


def free(runtime: Runtime, table: str, cluster: str, invocation: str) -> None:
    """End the hold of `invocation`, which AWS says is over. A hold of another invocation stays."""
    try:
        runtime.dynamodb.update_item(
            TableName=table,
            Key={"cluster": {"S": cluster}},
            UpdateExpression="SET held_until = :nobody",
            ConditionExpression="held_by = :invocation",
            ExpressionAttributeValues={":nobody": {"N": "0"}, ":invocation": {"S": invocation}},
        )
    except runtime.dynamodb.exceptions.ConditionalCheckFailedException:
        return


class Hold:
    """The hold of a cluster, renewed while a decision's calls go on longer than it lasts."""

    def __init__(self, runtime: Runtime, table: str, entry: Entry) -> None:
        self._runtime, self._table, self._entry = runtime, table, entry

    def keep(self) -> None:
        """Renew the hold once half of it is over.

        Raises:
            LostRace: if it has ended, and another invocation holds the cluster.
        """
        entry, now = self._entry, self._runtime.now()
        if entry.held_until - now > HELD_FOR_S / 2:
            return
        until = now + HELD_FOR_S
        try:
            self._runtime.dynamodb.update_item(
                TableName=self._table,
                Key={"cluster": {"S": entry.cluster}},
                # A writer that has read the old hold must not write it again.
                UpdateExpression="SET held_until = :until ADD version :one",
                ConditionExpression="held_until = :ours",
                ExpressionAttributeValues={
                    ":until": {"N": str(until)},
                    ":ours": {"N": str(entry.held_until)},
                    ":one": {"N": "1"},
                },
            )
        except self._runtime.dynamodb.exceptions.ConditionalCheckFailedException as error:
            raise LostRace(f"the hold of cluster {entry.cluster} ended before the decision's calls did") from error
        self._entry = replace(entry, held_until=until)

    def release(self) -> None:
        """End the hold, even if the entry was written meanwhile. A hold of another invocation stays."""
        release(self._runtime, self._table, self._entry)


def service_out_until(runtime: Runtime, table: str, cluster: str) -> float:
    """Return until when the newest step of the cluster's service-out has its lease, in seconds since the epoch.

    0: there was none, or it is done (`steady.aws.service_out.lease`).
    """
    item = runtime.dynamodb.get_item(TableName=table, Key={"cluster": {"S": f"{LEASE_KEY}{cluster}"}}).get("Item", {})
    return float(item["expires"]["N"]) if "expires" in item else 0.0
