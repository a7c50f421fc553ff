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
        put_off: what it asked of a pool whose last change is not done: it waits. "": nothing.
    """

    at_s: float
    cluster: str
    seen: str
    reasons: tuple[str, ...]
    done: str
    kind: str
    changed: bool
    put_off: str = ""

    @property
    def text(self) -> str:
        """What was done, and what waits."""
        waits = f"wanted once the last change of the pool is done: {self.put_off}" if self.put_off else ""
        return "; ".join(filter(None, (self.done if self.changed else "", waits)))


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
            put_off,
        )
        for line in outcome.log_lines
        if "reasons" in line.fields
        for done, put_off in [_done(line.fields)]
    ]


def within(decisions: Sequence[Decision], cluster: str, from_s: float, until_s: float) -> list[Decision]:
    """Return the decisions on a cluster, from `from_s` to `until_s` seconds after the start, that changed something.

    Those that wanted a change of a pool that took none then are among them: of several together, the last. One that
    decides the same as the one before is left out.
    """
    found: list[Decision] = []
    for decision in decisions:
        if decision.cluster != cluster or not from_s <= decision.at_s <= until_s or not decision.text:
            continue
        if found and _is_the_same(found[-1], decision):
            continue
        if found and not found[-1].changed and not decision.changed:
            found.pop()
        found.append(decision)
    return found


def _is_the_same(before: Decision, decision: Decision) -> bool:
    """Return whether `decision` says nothing new. A pool that is being changed still shows its target of before."""
    if before.text == decision.text:
        return True
    return before.changed and not decision.changed and decision.put_off in before.done


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


def _done(fields: Mapping[str, Any]) -> tuple[list[str], str]:
    """Return what a decision did, and what it asked of a pool that took no change then."""
    seen = fields["seen"]
    of_pool = [
        f"{name} {seen[key]} to {fields[key]}"
        for name, key in (("target", "target"), ("on-demand part", "on_demand"))
        if seen[key] != fields[key]
    ]
    of_pool += _counted(fields, ("to_terminate", "terminated"))
    of_instances = _counted(fields, ("to_undrain", "taken back"), ("to_drain", "drained"))
    if seen["pool_is_changing"]:
        return of_instances, ", ".join(of_pool)
    return of_pool + of_instances, ""


def _counted(fields: Mapping[str, Any], *verbs: tuple[str, str]) -> list[str]:
    return [f"{len(fields[key])} {verb}" for key, verb in verbs if fields[key]]


def _kind(fields: Mapping[str, Any]) -> str:
    if fields["target"] > fields["seen"]["target"] or fields["to_undrain"]:
        return "out"
    if fields["target"] < fields["seen"]["target"] or fields["to_drain"]:
        return "in"
    return "other"
