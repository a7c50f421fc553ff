"""The whole run as one picture: capacity against demand for each cluster and policy, on the same axes."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.outcome import ClusterRecord, Outcome, Sample
from simulator.policies import POLICIES, WHOLE, WITH_POOLS, ecs_alone, steady
from simulator.report import marks
from simulator.report.marks import Spec
from simulator.report.palette import colour
from simulator.wording import counted

# Samples on the page for each cluster: a day has one a minute.
MOST_SAMPLES = 1440
COLUMNS = ("h", "instances", "demand", "waiting")
PANEL_PX, WAITING_PX = 130, 80
# The colours of the policies beside the suite, the first for ECS alone.
OF_OTHERS = ("theirs", "cpu", "serving", "draining", "text")


def called(policy: str) -> str:
    """Return how a person calls a policy."""
    return {steady.NAME: "with ecs-steady", ecs_alone.NAME: "with ECS alone"}.get(policy, f"with {policy}")


def colour_of(policy: str) -> str:
    """Return the name of the colour of a policy. It has the same one in every chart and run."""
    others = [name for name in dict.fromkeys((*WHOLE, *POLICIES, *WITH_POOLS)) if name != steady.NAME]
    return OF_OTHERS[others.index(policy) % len(OF_OTHERS)] if policy in others else "ours"


def thinned(samples: Sequence[Sample], most: int = MOST_SAMPLES) -> list[Sample]:
    """Return at most `most` samples: of each stretch of time, the one with the most waiting tasks."""
    every = max(1, -(-len(samples) // most))
    parts = [samples[n : n + every] for n in range(0, len(samples), every)]
    return [max(part, key=lambda s: (s.waiting_tasks, s.at_s)) for part in parts]


def capacity_chart(outcome: Outcome, record: ClusterRecord, most: float, *, last: bool = True) -> Spec:
    """Return instances and demand of a cluster over time. `most` is the end of the y axis, in instances.

    Of charts under each other, the `last` one names their time axis.
    """
    layers = [*capacity_layers(outcome, record, most, last=last), marks.moment("t", _x(outcome))]
    text = (
        f"Cluster {record.name}, {called(outcome.policy)}: instances, and the instances that the work needs, over time."
    )
    return marks.chart(layers, PANEL_PX, text, data=samples_of(record), params=[{"name": "t", "value": -1}])


def capacity_layers(outcome: Outcome, record: ClusterRecord, most: float, *, last: bool = True) -> list[Spec]:
    """Return the layers of `capacity_chart` whose data are `samples_of`."""
    samples = thinned(record.samples)
    x, y = _x(outcome, last=last), marks.amount("instances", "instances", most)
    named = colour_of(outcome.policy)
    demand: Spec = {"type": "area", "color": colour("demand"), "opacity": 0.55, "interpolate": "step-before"}
    layers: list[Spec] = [
        {"mark": demand, "encoding": {"x": x, "y": {**y, "field": "demand"}}},
        marks.line(x, y, named),
    ]
    if samples:
        high = max(samples, key=lambda s: s.instances)
        layers.append(marks.name_of("instances", named, (high.at_s / 3600, high.instances), x, y))
        layers.append(_demand_name(samples, x, y))
    if record.taken:
        layers.append(_reclaims(record, x, y, most))
    return layers


def samples_of(record: ClusterRecord, most: int = MOST_SAMPLES) -> Spec:
    """Return the data of a cluster's charts: instances, demand and waiting tasks over time, at most `most` rows."""
    rows = [
        (round(s.at_s / 3600, 4), s.instances, round(s.demand, 2), s.waiting_tasks)
        for s in thinned(record.samples, most)
    ]
    return marks.table("samples", COLUMNS, rows)


def waiting_chart(outcomes: Sequence[Outcome], place: int, most: int) -> Spec:
    """Return the waiting tasks of the cluster at `place` over time, of all policies on one axis."""
    x, y = _x(outcomes[0]), marks.amount("waiting", "tasks", max(1, most))
    layers = []
    for number, outcome in enumerate(outcomes):
        rows = [(round(s.at_s / 3600, 4), s.waiting_tasks) for s in thinned(outcome.clusters[place].samples)]
        drawn = marks.line(x, y, colour_of(outcome.policy), dashed=outcome.policy != steady.NAME)
        layers.append({**drawn, "data": marks.table(f"waiting{number}", ("h", "waiting"), rows)})
    layers.append(marks.moment("t", x))
    text = f"Cluster {outcomes[0].clusters[place].name}: tasks that wait for a place, over time."
    return marks.chart(layers, WAITING_PX, text, params=[{"name": "t", "value": -1}])


def highest(outcomes: Sequence[Outcome], place: int) -> float:
    """Return the end of the y axis that all policies share for the cluster at `place`, in instances."""
    most = max((max(s.instances, s.demand) for o in outcomes for s in o.clusters[place].samples), default=1)
    return float(max(1, most) * 1.3)


def most_waiting(outcomes: Sequence[Outcome], place: int) -> int:
    """Return how many tasks of the cluster at `place` wait at most at a time, with any of the policies."""
    return max((s.waiting_tasks for o in outcomes for s in o.clusters[place].samples), default=0)


def _x(outcome: Outcome, *, last: bool = True) -> Spec:
    x = marks.hours(0, outcome.figures["simulated_hours"])
    return x if last else {**x, "axis": {**x["axis"], "title": None}}


def _demand_name(samples: Sequence[Sample], x: Spec, y: Spec) -> Spec:
    """Name the demand within its area, where that is highest away from the name of the line."""
    high = max(samples, key=lambda s: s.instances)
    span = x["scale"]["domain"][1] * 3600
    away = [s for s in samples if abs(s.at_s - high.at_s) > span / 4] or samples
    at = max(away, key=lambda s: s.demand)
    return marks.name_of("needed", "faint", (at.at_s / 3600, 0), x, y)


def _reclaims(record: ClusterRecord, x: Spec, y: Spec, most: float) -> Spec:
    by_time: dict[float, int] = {}
    for instance in record.taken:
        by_time[instance.noticed_s] = by_time.get(instance.noticed_s, 0) + 1
    values = [
        {"x": at_s / 3600, "y": most * 0.97, "what": f"Spot takes {counted(count, 'instance')} back"}
        for at_s, count in by_time.items()
    ]
    return {
        "data": {"values": values},
        "layer": [
            {
                "mark": {
                    "type": "point",
                    "shape": "triangle-down",
                    "filled": True,
                    "size": 70,
                    "color": colour("lost"),
                },
                "encoding": {
                    "x": {**x, "field": "x"},
                    "y": {**y, "field": "y"},
                    "tooltip": {"field": "what", "type": "nominal"},
                },
            }
        ],
    }
