"""Tasks that did not start at once: the largest burst, the longest wait, and how long others waited."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simulator.outcome import LateStart, Outcome
from simulator.policies import steady
from simulator.report import marks
from simulator.report.day import called, colour_of
from simulator.report.marks import Spec
from simulator.report.palette import colour

# Tasks that began to wait within this many seconds came together.
TOGETHER_S = 30.0
# A line has risen where it has this part of its highest value.
RISEN = 0.9
# Seconds around a moment that its chart shows.
BEFORE_S, AFTER_S = 60.0, 900.0


@dataclass(frozen=True, slots=True)
class Waited:
    """Tasks of one cluster that began to wait together, `at_s` seconds after the start."""

    cluster: str
    at_s: float
    tasks: tuple[LateStart, ...]

    @property
    def longest_s(self) -> float:
        return max(task.waited_s for task in self.tasks)

    @property
    def last_placed_s(self) -> float:
        return max(task.at_s for task in self.tasks)


def wanted_s(task: LateStart) -> float:
    """Return when a task began to wait, in seconds from the start."""
    return task.at_s - task.waited_s


def bursts_of(outcome: Outcome) -> list[Waited]:
    """Return the tasks of each cluster that waited, by the time at which they came."""
    found: list[Waited] = []
    for record in outcome.clusters:
        groups: list[list[LateStart]] = []
        for task in sorted(record.late, key=wanted_s):
            if groups and wanted_s(task) - wanted_s(groups[-1][0]) <= TOGETHER_S:
                groups[-1].append(task)
            else:
                groups.append([task])
        found += [Waited(record.name, wanted_s(group[0]), tuple(group)) for group in groups]
    return found


def largest_burst(bursts: Iterable[Waited]) -> Waited | None:
    """Return the burst of which the most tasks waited."""
    return max(bursts, key=lambda b: len(b.tasks), default=None)


def longest_wait(bursts: Iterable[Waited]) -> Waited | None:
    """Return the burst with the longest wait."""
    return max(bursts, key=lambda b: b.longest_s, default=None)


def same_burst(burst: Waited, outcome: Outcome) -> Waited | None:
    """Return the tasks of another run that came at the same time to the same cluster and waited; None: none did."""
    late = [
        task
        for record in outcome.clusters
        if record.name == burst.cluster
        for task in record.late
        if abs(wanted_s(task) - burst.at_s) <= TOGETHER_S
    ]
    return Waited(burst.cluster, burst.at_s, tuple(late)) if late else None


def waiting_at(late: Sequence[LateStart], from_s: float, until_s: float) -> list[tuple[float, int]]:
    """Return how many tasks wait: at `from_s`, at each change after it, and at `until_s`; times in seconds.

    >>> waiting_at([LateStart(50.0, 30.0, "api"), LateStart(60.0, 20.0, "api")], 0.0, 100.0)
    [(0.0, 0), (20.0, 1), (40.0, 2), (50.0, 1), (60.0, 0), (100.0, 0)]
    """
    changes = sorted([(wanted_s(task), 1) for task in late] + [(task.at_s, -1) for task in late])
    waiting, steps = 0, [(from_s, 0)]
    for at_s, change in changes:
        waiting += change
        if at_s <= from_s:
            steps[0] = (from_s, waiting)
        elif at_s <= until_s:
            steps.append((at_s, waiting))
    return [*steps, (until_s, steps[-1][1])]


def burst_chart(outcomes: Sequence[Outcome], burst: Waited) -> Spec:
    """Return the waiting tasks of a cluster around a burst, of all policies on one axis."""
    end = min(AFTER_S, outcomes[0].figures["simulated_hours"] * 3600 - burst.at_s)
    x: Spec = {
        "field": "s",
        "type": "quantitative",
        "scale": {"domain": [-BEFORE_S, end], "nice": False, "zero": False},
        "axis": {"title": "seconds after the first of them came", "grid": False, "labelOverlap": True},
    }
    drawn = [(o, _around(o, burst, end)) for o in outcomes]
    most = max((count for _, rows in drawn for _, count in rows), default=1)
    y = marks.amount("waiting", "tasks waiting", max(1, most) * 1.15)
    layers: list[Spec] = []
    for number, (outcome, rows) in enumerate(drawn):
        name, dashed = colour_of(outcome.policy), outcome.policy != steady.NAME
        data = marks.table(f"waiting{number}", ("s", "waiting"), rows)
        shown = marks.line(x, y, name, dashed=dashed)
        shown["mark"]["interpolate"] = "step-after"
        layers.append({**shown, "data": data})
        if any(count for _, count in rows):
            at, above = place_of_name([rows for _, rows in drawn], number)
            layers.append(marks.name_of(called(outcome.policy), name, at, x, y, above=above))
    return marks.chart(layers, 190, f"Cluster {burst.cluster}: tasks that wait for a place, second by second.")


def waits_chart(outcomes: Sequence[Outcome]) -> Spec:
    """Return each task that waited: when it came, and for how many minutes it waited."""
    late = [(o, task) for o in outcomes for record in o.clusters for task in record.late]
    most = max((task.waited_s / 60 for _, task in late), default=1.0)
    x = marks.hours(0, outcomes[0].figures["simulated_hours"])
    y = marks.amount("minutes", "minutes waited", most * 1.15)
    layers: list[Spec] = []
    for number, outcome in enumerate(outcomes):
        name = colour_of(outcome.policy)
        of_it = [task for record in outcome.clusters for task in record.late]
        rows = [(round(wanted_s(task) / 3600, 4), round(task.waited_s / 60, 2)) for task in of_it]
        mark: Spec = {"type": "point", "size": 30, "color": colour(name), "opacity": 0.7}
        mark |= {"shape": "circle", "filled": True} if outcome.policy == steady.NAME else {"shape": "diamond"}
        layers.append(
            {"data": marks.table(f"waits{number}", ("h", "minutes"), rows), "mark": mark, "encoding": {"x": x, "y": y}}
        )
        if of_it:
            longest = max(of_it, key=lambda task: task.waited_s)
            at = (wanted_s(longest) / 3600, longest.waited_s / 60)
            layers.append(marks.name_of(f"longest {called(outcome.policy)}", name, at, x, y))
    return marks.chart(
        layers, 190, "Each task that waited for a place: when it came, and for how many minutes it waited."
    )


def _around(outcome: Outcome, burst: Waited, end: float) -> list[tuple[float, int]]:
    late = [task for record in outcome.clusters if record.name == burst.cluster for task in record.late]
    steps = waiting_at(late, burst.at_s - BEFORE_S, burst.at_s + end)
    return [(round(at_s - burst.at_s, 1), count) for at_s, count in steps]


def place_of_name(lines: Sequence[Sequence[tuple[float, int]]], number: int) -> tuple[tuple[float, float], bool]:
    """Return where the name of a line stands, and whether above that point: where the line has risen.

    The line that is the highest of all has its name above, and the others have theirs below: away from each other.
    """
    most = [max(waiting for _, waiting in rows) for rows in lines]
    at_s, waiting = next(row for row in lines[number] if row[1] >= RISEN * most[number])
    above = number == most.index(max(most))
    return (at_s, most[number] if above else waiting), above
