"""Decisions and interruptions, read from the functions' log lines for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from simulator.outcome import ClusterRecord, Outcome

# The report shows notices within this many seconds as one interruption.
ONE_INTERRUPTION_S = 60.0
# Seconds after the notice for which drain steps are shown.
LASTS_S = 180.0


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision: its time, its cluster, what was observed, its reasons, and what was done.

    Attributes:
        kind: "out" (scale-out), "in" (scale-in) or "other".
    """

    at: datetime
    cluster: str
    seen: str
    reasons: tuple[str, ...]
    done: str
    kind: str


@dataclass(frozen=True, slots=True)
class Interruption:
    """Instances that were interrupted together.

    Attributes:
        at: the time of the first notice.
        steps: each drain step, with the seconds after the first notice.
    """

    at: datetime
    cluster: str
    instances: int
    steps: tuple[tuple[float, str], ...]


def decisions_of(outcome: Outcome) -> list[Decision]:
    """Return the decisions that the functions logged, in their order."""
    return [
        Decision(
            datetime.fromtimestamp(line.at, UTC),
            str(line.fields["cluster"]),
            _seen(line.fields["seen"]),
            tuple(reason["text"] for reason in line.fields["reasons"]),
            _done(line.fields),
            _kind(line.fields),
        )
        for line in outcome.log_lines
        if "reasons" in line.fields
    ]


def interruptions_of(outcome: Outcome) -> list[Interruption]:
    """Return the interruptions of all clusters, in the order of their time."""
    found = [one for record in outcome.clusters for one in _interruptions(outcome, record)]
    return sorted(found, key=lambda one: one.at)


def _interruptions(outcome: Outcome, record: ClusterRecord) -> list[Interruption]:
    groups: list[list[tuple[float, str]]] = []
    for notice in record.notices:
        if groups and notice[0] - groups[-1][0][0] <= ONE_INTERRUPTION_S:
            groups[-1].append(notice)
        else:
            groups.append([notice])
    return [_interruption(outcome, record.name, group) for group in groups]


def _interruption(outcome: Outcome, cluster: str, notices: Sequence[tuple[float, str]]) -> Interruption:
    began = outcome.started_at + notices[0][0]
    ids = {instance_id for _, instance_id in notices}
    steps = tuple(
        (round(line.at - began, 1), _step(line.fields))
        for line in outcome.log_lines
        if "drained" in line.fields and 0 <= line.at - began <= LASTS_S and ids & set(line.fields["drained"])
    )
    return Interruption(datetime.fromtimestamp(began, UTC), cluster, len(ids), steps)


def _step(fields: Mapping[str, Any]) -> str:
    parts = [
        f"{fields[key]} {text}"
        for key, text in (("deregistered", "targets deregistered"), ("stopped", "tasks stopped"), ("due", "due"))
        if fields[key]
    ]
    if fields["finished"]:
        parts.append(f"{len(fields['finished'])} instances finished")
    return ", ".join(parts) or f"{len(fields['waiting'])} instances not finished"


def _seen(seen: Mapping[str, Any]) -> str:
    return (
        f"{seen['active']} of {seen['instances']} instances active, CPU {seen['cpu_percent']:g} %, "
        f"memory {seen['memory_percent']:g} %, {seen['demands']} RunTask failures, "
        f"{seen['missing_tasks']} tasks missing"
    )


def _done(fields: Mapping[str, Any]) -> str:
    seen = fields["seen"]
    done = [
        f"{name} {seen[key]} to {fields[key]}"
        for name, key in (("target", "target"), ("on-demand part", "on_demand"))
        if seen[key] != fields[key]
    ]
    done += [
        f"{len(fields[key])} {verb}"
        for key, verb in (("to_undrain", "taken back"), ("to_drain", "drained"), ("to_terminate", "terminated"))
        if fields[key]
    ]
    return ", ".join(done) or "nothing changed"


def _kind(fields: Mapping[str, Any]) -> str:
    if fields["target"] > fields["seen"]["target"] or fields["to_undrain"]:
        return "out"
    if fields["target"] < fields["seen"]["target"] or fields["to_drain"]:
        return "in"
    return "other"
