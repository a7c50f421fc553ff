"""The charts that are folded away: reservation, the ECS calls, and a mark for each decision."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.outcome import CallSample, ClusterRecord, Outcome
from simulator.report import marks
from simulator.report.day import MOST_SAMPLES, called, thinned
from simulator.report.decisions import Decision
from simulator.report.marks import Spec
from simulator.report.palette import colour
from steady.api_budget.limits import BUCKETS
from steady.thresholds import Thresholds

RESOURCES = {"cpu": "CPU", "memory": "memory"}
OF_BUCKETS = ("theirs", "ours", "serving", "cpu", "memory", "draining", "text")
KINDS = {"out": ("scale-out", "theirs", "triangle-up"), "in": ("scale-in", "ours", "triangle-down")}
OTHER = ("other change", "faint", "diamond")


def reservation_chart(outcome: Outcome, record: ClusterRecord) -> Spec:
    """Return the reservation of a cluster over time, with its thresholds."""
    samples = thinned(record.samples)
    x = marks.hours(0, outcome.figures["simulated_hours"])
    most = max([100.0, *(max(s.cpu_percent, s.memory_percent) for s in samples)]) * 1.12
    y = marks.amount("cpu", "reserved, %", most)
    rows = [(round(s.at_s / 3600, 4), s.cpu_percent, s.memory_percent) for s in samples]
    layers: list[Spec] = _thresholds(outcome, x, y)
    for place, (resource, name) in enumerate(RESOURCES.items()):
        of_it = {**y, "field": resource}
        layers.append(marks.line(x, of_it, resource, dashed=bool(place)))
        if rows:
            # Away from the names of the thresholds, and from each other.
            third = len(rows) // 3
            at = max(rows[third * (1 + place) : third * (2 + place)] or rows, key=lambda row: row[1 + place])
            layers.append(marks.name_of(name, resource, (at[0], at[1 + place]), x, of_it, above=not place))
    text = f"Cluster {record.name}, {called(outcome.policy)}: the percentage of CPU and memory that tasks reserve."
    return marks.chart(layers, 160, text, data=marks.table("reserved", ("h", *RESOURCES), rows))


def _thresholds(outcome: Outcome, x: Spec, y: Spec) -> list[Spec]:
    """Return a line for each threshold. Those of CPU and memory that are the same are one line."""
    held = {**vars(Thresholds()), **outcome.thresholds}
    named: dict[float, list[str]] = {}
    for end in ("high", "low"):
        for resource, name in RESOURCES.items():
            named.setdefault(float(held[f"{resource}_reservation_{end}"]), []).append(f"{name} {end}")
    first, last = x["scale"]["domain"]
    layers: list[Spec] = []
    for value, names in named.items():
        layers.append(
            {
                "data": {"values": [{"y": value}]},
                "mark": {"type": "rule", "color": colour("faint"), "strokeDash": [2, 3]},
                "encoding": {"y": {**y, "field": "y"}},
            }
        )
        at = (first + (last - first) * 0.02, value)
        is_high = any(name.endswith("high") for name in names)
        layers.append(marks.name_of(" and ".join(names), "faint", at, x, y, above=is_high))
    return layers


def calls_chart(outcome: Outcome) -> Spec:
    """Return the functions' ECS calls of each minute, as a percentage of what each bucket allows in a minute."""
    x = marks.hours(0, outcome.figures["simulated_hours"])
    samples = _busiest(outcome.calls)
    rows = [
        (round(s.at_s / 3600, 4), *(round(100 * s.by_bucket.get(b.name, 0) / b.per_minute, 3) for b in BUCKETS))
        for s in samples
    ]
    highest = {place: max(row[place] for row in rows) for place in range(1, len(BUCKETS) + 1)} if rows else {}
    y = marks.amount("b1", "% of the limit", max(0.1, *highest.values()) * 1.15 if highest else 1.0)
    lines: list[Spec] = []
    names: list[Spec] = []
    drawn = sorted((place for place, most in highest.items() if most), key=lambda place: highest[place])
    for number, place in enumerate(drawn):
        of_it, named = {**y, "field": f"b{place}"}, OF_BUCKETS[place - 1]
        lines.append(marks.line(x, of_it, named))
        # Each name has a stretch of the time to itself.
        stretch = rows[len(rows) * number // len(drawn) : len(rows) * (number + 1) // len(drawn)]
        at = max(stretch or rows, key=lambda row: row[place])
        names.append(marks.name_of(BUCKETS[place - 1].name, named, (at[0], at[place]), x, of_it))
    data = marks.table("calls", ("h", *(f"b{place + 1}" for place in range(len(BUCKETS)))), rows)
    text = f"ECS calls {called(outcome.policy)}, each minute, in percent of each bucket's limit."
    return marks.chart([*lines, *names], 160, text, data=data)


def _busiest(calls: Sequence[CallSample]) -> list[CallSample]:
    """Return at most `MOST_SAMPLES` samples: of each stretch of time, the one with the most calls."""
    every = -(-len(calls) // MOST_SAMPLES)
    parts = [calls[n : n + every] for n in range(0, len(calls), every)] if calls else []
    return [max(part, key=lambda s: sum(s.by_bucket.values())) for part in parts]


def most_of_a_limit(outcome: Outcome) -> float:
    """Return the highest percentage of a bucket's limit that the ECS calls of one minute took."""
    return max(
        (100 * s.by_bucket.get(b.name, 0) / b.per_minute for s in outcome.calls for b in BUCKETS),
        default=0.0,
    )


def decisions_chart(outcome: Outcome, decisions: Sequence[Decision]) -> Spec:
    """Return a mark for each decision that changed something, on a row for each cluster and kind of change.

    The field `n` of a mark is the number of the decision in the list.
    """
    x = marks.hours(0, outcome.figures["simulated_hours"])
    rows: Spec = {"field": "row", "type": "nominal", "axis": {"title": None, "ticks": False, "labelLimit": 200}}
    layers: list[Spec] = []
    for kind in ("in", "out", "other"):
        name, named, shape = KINDS.get(kind, OTHER)
        values = [
            {"h": round(d.at_s / 3600, 4), "row": f"{d.cluster}: {name}", "n": n, "what": d.done}
            for n, d in enumerate(decisions)
            if d.kind == kind
        ]
        if values:
            mark: Spec = {"type": "point", "shape": shape, "filled": True, "size": 60, "color": colour(named)}
            encoding = {"x": x, "y": rows, "tooltip": {"field": "what", "type": "nominal"}}
            layers.append({"data": {"values": values}, "mark": mark, "encoding": encoding})
    rows_px = 24 * len({(d.cluster, d.kind) for d in decisions})
    return marks.chart(layers, rows_px, f"A mark for each decision that changed something, {called(outcome.policy)}.")
