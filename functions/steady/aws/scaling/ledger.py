"""The ledger: what a cluster's decisions remember, in one DynamoDB item a cluster, with one writer at a time.

Every write is conditional on the version that was read. A decision that changes capacity holds the cluster for the
few seconds of its calls, so that no other decision is taken on a snapshot from before them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from steady.aws.runtime import Runtime
from steady.cluster import InstanceShape, Size
from steady.scaling.demand import Demand
from steady.scaling.recurrence import DAYS, RECENT, Peaks
from steady.scaling.staffing import Staffing
from steady.scaling.state import Healing, Memory
from steady.scaling.usage import Usage

# Longer than the calls of any decision take; a holder that crashed is waited for no longer than this.
HELD_FOR_S = 20


class LostRace(Exception):
    """Another invocation wrote first: look again, and decide again."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger says of one cluster. `held_until` is in seconds since the epoch; 0 if nobody holds it."""

    cluster: str
    version: int
    memory: Memory
    held_until: float = 0.0


def load(runtime: Runtime, table: str, cluster: str) -> Entry:
    """The entry of `cluster`; an empty one at version 0 if there is none yet."""
    answer = runtime.dynamodb.get_item(TableName=table, Key={"cluster": {"S": cluster}}, ConsistentRead=True)
    item = answer.get("Item")
    if not item:
        return Entry(cluster, 0, Memory())
    return Entry(
        cluster, int(item["version"]["N"]), _memory(json.loads(item["memory"]["S"])), float(item["held_until"]["N"])
    )


def save(runtime: Runtime, table: str, entry: Entry, memory: Memory, held_until: float) -> Entry:
    """Writes `memory` over `entry`.

    Raises:
        LostRace: if the entry was written since it was read.
    """
    try:
        runtime.dynamodb.put_item(
            TableName=table,
            Item={
                "cluster": {"S": entry.cluster},
                "version": {"N": str(entry.version + 1)},
                "memory": {"S": json.dumps(_plain(memory), separators=(",", ":"))},
                "held_until": {"N": str(held_until)},
            },
            ConditionExpression="attribute_not_exists(version) OR version = :read",
            ExpressionAttributeValues={":read": {"N": str(entry.version)}},
        )
    except runtime.dynamodb.exceptions.ConditionalCheckFailedException as error:
        raise LostRace(f"the ledger's entry of cluster {entry.cluster} is newer than {entry.version}") from error
    return Entry(entry.cluster, entry.version + 1, memory, held_until)


def release(runtime: Runtime, table: str, entry: Entry) -> None:
    """Ends the hold of `entry`, whatever was remembered meanwhile. Nothing if another holds it by now."""
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


def _plain(memory: Memory) -> dict[str, Any]:
    return {
        "demands": {
            d.key: [d.size.cpu_units, d.size.memory_mib, d.first_said_at, d.last_said_at, d.seen]
            for d in memory.demands.values()
        },
        "low_since": memory.low_since,
        "drift_since": dict(memory.drift_since),
        "placement_failed_at": dict(memory.placement_failed_at),
        "doomed": dict(memory.doomed),
        "draining": dict(memory.draining),
        "leaving_since": dict(memory.leaving_since),
        "booting_since": dict(memory.booting_since),
        "boots_s": list(memory.boots_s),
        "raised_by": memory.raised_by,
        "raised_to": memory.raised_to,
        "short_since": memory.short_since,
        "next_look_at": memory.next_look_at,
        "shapes": {s.name: [s.size.cpu_units, s.size.memory_mib, s.gpus, s.enis] for s in memory.shapes.values()},
        "recent": _plain_peaks(memory.recent),
        "days": _plain_peaks(memory.days),
        "staffing": asdict(memory.staffing),
        "healing": asdict(memory.healing),
        "usage": asdict(memory.usage),
        "told": list(memory.told),
    }


def _plain_peaks(peaks: Peaks) -> list[Any]:
    return [peaks.first, [n for size in peaks.peaks for n in (size.cpu_units, size.memory_mib)]]


def _memory(plain: dict[str, Any]) -> Memory:
    return Memory(
        demands={
            key: Demand(key, Size(cpu, memory), *said) for key, (cpu, memory, *said) in plain.get("demands", {}).items()
        },
        low_since=plain.get("low_since"),
        drift_since=plain.get("drift_since", {}),
        placement_failed_at=plain.get("placement_failed_at", {}),
        doomed=plain.get("doomed", {}),
        draining=plain.get("draining", {}),
        leaving_since=plain.get("leaving_since", {}),
        booting_since=plain.get("booting_since", {}),
        boots_s=tuple(plain.get("boots_s", ())),
        raised_by=plain.get("raised_by", 0),
        raised_to=plain.get("raised_to", 0),
        short_since=plain.get("short_since"),
        next_look_at=plain.get("next_look_at", 0.0),
        shapes={
            name: InstanceShape(name, Size(cpu, memory), gpus, enis)
            for name, (cpu, memory, gpus, enis) in plain.get("shapes", {}).items()
        },
        recent=_peaks(RECENT, plain.get("recent")),
        days=_peaks(DAYS, plain.get("days")),
        staffing=Staffing(**plain.get("staffing", {})),
        healing=_healing(plain.get("healing", {})),
        usage=Usage(**plain.get("usage", {})),
        told=tuple(plain.get("told", ())),
    )


def _healing(plain: dict[str, Any]) -> Healing:
    return Healing(**{**plain, "unanswered": tuple(plain.get("unanswered", ()))})


def _peaks(empty: Peaks, plain: list[Any] | None) -> Peaks:
    if plain is None:
        return empty
    first, numbers = plain
    return replace(empty, first=first, peaks=tuple(map(Size, numbers[::2], numbers[1::2])))
