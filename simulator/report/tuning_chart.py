"""The settings that `steady tune` tried: mean wait against instance-hours."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.report import marks
from simulator.report.marks import Spec
from simulator.report.palette import colour
from simulator.tuning import Tried


def tuning_chart(tried: Sequence[Tried], best: Sequence[Tried], choice: Tried) -> Spec:
    """Return a chart of mean wait (s) against instance-hours.

    Each setting is a point. A line joins those that no other setting beats in both.
    """
    axes = {
        "x": {
            "field": "hours",
            "type": "quantitative",
            "scale": {"zero": False, "padding": 12},
            "axis": {"title": "instance-hours"},
        },
        "y": {"field": "wait", "type": "quantitative", "axis": {"title": "mean wait of all tasks, s"}},
    }
    shown = {**axes, "tooltip": {"field": "what", "type": "nominal"}}
    named = {**axes, "text": {"field": "name", "type": "nominal"}}
    end, chosen = _points(best, "best trade-offs")[-1:], _points([choice], "chosen")
    layers: list[Spec] = [
        {
            "data": {"values": _points(tried, "tried")},
            "mark": {"type": "point", "color": colour("faint"), "opacity": 0.6},
            "encoding": shown,
        },
        {
            "data": {"values": _points(best, "best trade-offs")},
            "mark": {"type": "line", "color": colour("ours"), "point": {"color": colour("ours"), "size": 60}},
            "encoding": shown,
        },
        {
            "data": {"values": chosen},
            "mark": {"type": "point", "shape": "diamond", "filled": True, "size": 200, "color": colour("theirs")},
            "encoding": shown,
        },
        {
            "data": {"values": end},
            "mark": {"type": "text", "color": colour("ours"), "align": "right", "dy": -10},
            "encoding": named,
        },
        {
            "data": {"values": chosen},
            "mark": {"type": "text", "color": colour("theirs"), "align": "left", "dx": 12, "dy": -10},
            "encoding": named,
        },
    ]
    return marks.chart(layers, 420, "Mean wait of all tasks against instance-hours, for each setting that was tried.")


def _points(points: Sequence[Tried], name: str) -> list[Spec]:
    return [
        {
            "hours": round(p.instance_hours, 2),
            "wait": round(p.wait_mean_s, 2),
            "name": name,
            "what": f"{p.instance_hours:.1f} hours, mean {p.wait_mean_s:.1f} s, p95 {p.wait_p95_s:.0f} s: "
            + ", ".join(f"{key}={value}" for key, value in p.thresholds.items()),
        }
        for p in sorted(points, key=lambda p: p.instance_hours)
    ]
