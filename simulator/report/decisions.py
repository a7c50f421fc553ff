"""Decisions, read from the functions' log lines for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.outcome import Outcome

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision, `at_s` seconds after the start: its cluster, what was observed, its reasons, and what was done.

    Attributes:
        kind: "out" (scale-out), "in" (scale-in) or "other".
        changed: whether it changed anything.
    """

    at_s: float
    cluster: str
    seen: str
    reasons: tuple[str, ...]
    done: str
    kind: str
    changed: bool


def decisions_of(outcome: Outcome) -> list[Decision]:
    """Return the decisions that the functions logged, in their order."""
    return [
        Decision(
            round(line.at - outcome.started_at, 1),
            str(line.fields["cluster"]),
            _seen(line.fields["seen"]),
            tuple(reason["text"] for reason in line.fields["reasons"]),
            ", ".join(done) or "nothing changed",
            _kind(line.fields),
            bool(done),
        )
        for line in outcome.log_lines
        if "reasons" in line.fields
        for done in [_done(line.fields)]
    ]


def within(decisions: Sequence[Decision], cluster: str, from_s: float, until_s: float) -> list[Decision]:
    """Return the decisions on a cluster that changed something from `from_s` to `until_s` seconds after the start.

    One that decides the same as the one before, as while a fleet still is `modifying`, is left out.
    """
    found: list[Decision] = []
    for decision in decisions:
        is_new = not found or found[-1].done != decision.done
        if decision.changed and decision.cluster == cluster and from_s <= decision.at_s <= until_s and is_new:
            found.append(decision)
    return found


def clock(at_s: float) -> str:
    """Return the time `at_s` seconds after a midnight, with its day once the first one is over.

    >>> clock(14_100), clock(100_000)
    ('03:55:00', 'day 2, 03:46:40')
    """
    day, second = divmod(int(at_s), DAY_S)
    time = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    return f"day {day + 1}, {time}" if day else time


def _seen(seen: Mapping[str, Any]) -> str:
    return (
        f"{seen['active']} of {seen['instances']} instances active, CPU {seen['cpu_percent']:g} %, "
        f"memory {seen['memory_percent']:g} %, {seen['demands']} RunTask failures, "
        f"{seen['missing_tasks']} tasks missing"
    )


def _done(fields: Mapping[str, Any]) -> list[str]:
    seen = fields["seen"]
    done = [
        f"{name} {seen[key]} to {fields[key]}"
        for name, key in (("target", "target"), ("on-demand part", "on_demand"))
        if seen[key] != fields[key]
    ]
    return done + [
        f"{len(fields[key])} {verb}"
        for key, verb in (("to_undrain", "taken back"), ("to_drain", "drained"), ("to_terminate", "terminated"))
        if fields[key]
    ]


def _kind(fields: Mapping[str, Any]) -> str:
    if fields["target"] > fields["seen"]["target"] or fields["to_undrain"]:
        return "out"
    if fields["target"] < fields["seen"]["target"] or fields["to_drain"]:
        return "in"
    return "other"
