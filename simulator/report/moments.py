"""The three moments of a run that mattered most, each as a small story with a side for each policy."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.outcome import ClusterRecord, Outcome
from simulator.policies import steady
from simulator.report.day import called
from simulator.report.decisions import clock, decisions_of, within
from simulator.report.marks import Spec
from simulator.report.reclaim_chart import reclaim_chart
from simulator.report.reclaims import Event, Reclaim, at_the_same_time, events, reclaims_of, worst
from simulator.report.waits import Waited, burst_chart, bursts_of, largest_burst, longest_wait, same_burst, waits_chart
from simulator.spot_market import NOTICE_S
from simulator.wording import counted

# Decisions up to this many seconds before a moment may be its cause, and those up to this many after it belong to it.
BEFORE_S, AFTER_S = 1.0, 300.0


@dataclass(frozen=True, slots=True)
class Side:
    """How a moment went with one policy. `chart` is None where all sides share one."""

    policy: str
    title: str
    summary: str
    events: tuple[Event, ...]
    chart: Spec | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """One moment: when, what came, and its sides; `key` is its id on the page.

    Attributes:
        chart: the chart that the sides share; None: each has its own, and both can be stepped through.
    """

    key: str
    title: str
    when: str
    came: str
    sides: tuple[Side, ...]
    chart: Spec | None = None


def stories(outcomes: Sequence[Outcome]) -> list[Story]:
    """Return the worst reclaim, the largest burst and the longest wait of the suite's run, or of the first one."""
    main = next((o for o in outcomes if o.policy == steady.NAME), outcomes[0])
    ordered = [main, *(o for o in outcomes if o is not main)]
    told = (_reclaim(ordered), _burst(ordered), _longest(ordered))
    return [story for story in told if story]


def _reclaim(outcomes: Sequence[Outcome]) -> Story | None:
    main = worst(reclaims_of(outcomes[0]))
    if main is None:
        return None
    sides = [_side_of_reclaim(outcomes[0], main)]
    for outcome in outcomes[1:]:
        other = at_the_same_time(main, reclaims_of(outcome))
        if other:
            sides.append(_side_of_reclaim(outcome, other))
    came = (
        f"Spot took {counted(len(main.instances), 'instance')} of the cluster {main.cluster} back at once. EC2 gives "
        f"{NOTICE_S:.0f} seconds. Each bar below is a task on one of these instances."
    )
    return Story("reclaim", "The worst reclaim", clock(main.at_s), came, tuple(sides))


def _side_of_reclaim(outcome: Outcome, reclaim: Reclaim) -> Side:
    steps = list(events(reclaim))
    decided = within(decisions_of(outcome), reclaim.cluster, reclaim.at_s, reclaim.at_s + NOTICE_S)
    steps += [Event(round(d.at_s - reclaim.at_s, 1), f"Scaling: {d.text}.", "; ".join(d.reasons)) for d in decided]
    last = max((t.ended_s or 0.0 for t in reclaim.tasks), default=reclaim.at_s) - reclaim.at_s
    summary = (
        f"{counted(len(reclaim.instances), 'instance')}, {counted(len(reclaim.tasks), 'task')}: "
        f"{counted(reclaim.killed, 'task')} killed, {counted(reclaim.failed_requests, 'request')} lost; "
        f"the last task ended {last:.0f} s after the notice."
    )
    in_order = tuple(sorted(steps, key=lambda e: e.after_s))
    return Side(outcome.policy, called(outcome.policy), summary, in_order, reclaim_chart(reclaim))


def _burst(outcomes: Sequence[Outcome]) -> Story | None:
    main = largest_burst(bursts_of(outcomes[0]))
    if main is None:
        return None
    families = ", ".join(name for name, _ in Counter(task.name for task in main.tasks).most_common(3))
    came = (
        f"{counted(len(main.tasks), 'task')} ({families}) came to the cluster {main.cluster} within "
        f"{max(1, round(max(t.at_s - t.waited_s for t in main.tasks) - main.at_s))} s and found no place."
    )
    sides = [_side_of_wait(outcome, main) for outcome in outcomes]
    return Story("burst", "The largest burst", clock(main.at_s), came, tuple(sides), burst_chart(outcomes, main))


def _longest(outcomes: Sequence[Outcome]) -> Story | None:
    main = longest_wait(bursts_of(outcomes[0]))
    if main is None:
        return None
    longest = max(main.tasks, key=lambda t: t.waited_s)
    came = (
        f"A task of {longest.name} in the cluster {main.cluster} waited for {longest.waited_s:g} s, longer than any "
        f"other {called(outcomes[0].policy)}. The picture shows every task that waited."
    )
    sides = [_side_of_wait(outcome, main, of_the_day=True) for outcome in outcomes]
    return Story("wait", "The longest wait", clock(main.at_s), came, tuple(sides), waits_chart(outcomes))


def _side_of_wait(outcome: Outcome, main: Waited, *, of_the_day: bool = False) -> Side:
    there = same_burst(main, outcome)
    title = called(outcome.policy)
    if there is None:
        text = "No task that came then waited." + (_longest_of_the_day(outcome) if of_the_day else "")
        return Side(outcome.policy, title, text, ())
    record = next(r for r in outcome.clusters if r.name == main.cluster)
    summary = f"{counted(len(there.tasks), 'task')} waited; the last had its place after {there.longest_s:.0f} s." + (
        _longest_of_the_day(outcome) if of_the_day else ""
    )
    steps = [*_decided(outcome, main, there), *_placed(main, there), *_grown(record, main, there, outcome.policy)]
    return Side(outcome.policy, title, summary, tuple(sorted(steps, key=lambda e: e.after_s)))


def _longest_of_the_day(outcome: Outcome) -> str:
    longest = longest_wait(bursts_of(outcome))
    if longest is None:
        return ""
    return f" Its longest wait of all was {longest.longest_s:,.0f} s, from {clock(longest.at_s)} on."


def _decided(outcome: Outcome, main: Waited, there: Waited) -> list[Event]:
    until = min(there.last_placed_s, main.at_s + AFTER_S)
    found = within(decisions_of(outcome), main.cluster, main.at_s - BEFORE_S, until)
    return [Event(round(d.at_s - main.at_s, 1), f"Decision: {d.text}.", "; ".join(d.reasons)) for d in found]


def _placed(main: Waited, there: Waited) -> list[Event]:
    at = sorted(task.at_s - main.at_s for task in there.tasks)
    if len(at) == 1:
        return [Event(round(at[0], 1), "The task has its place.")]
    half = statistics.median_high(at)
    return [
        Event(round(at[0], 1), "The first of them has its place."),
        Event(round(half, 1), "Half of them have theirs."),
        Event(round(at[-1], 1), "The last one has its place."),
    ]


def _grown(record: ClusterRecord, main: Waited, there: Waited, policy: str) -> list[Event]:
    """Return by how much the target grew meanwhile, for a policy that logs no decisions."""
    if policy == steady.NAME:
        return []
    before = [s for s in record.samples if s.at_s <= main.at_s + 1]
    meanwhile = [s for s in record.samples if main.at_s < s.at_s <= there.last_placed_s + 60]
    first = next((s for s in meanwhile if before and s.target > before[-1].target), None)
    if first is None:
        return []
    most = max(s.target for s in meanwhile)
    grown = f"It has asked for {first.target} instances by now, {before[-1].target} before"
    done = f"{grown}." if most == first.target else f"{grown}, and later for {most}."
    return [
        Event(round(first.at_s - main.at_s, 1), done, "Seen at the end of a minute: this policy logs no decisions.")
    ]
