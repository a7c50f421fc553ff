"""The parts that the charts share, in Vega-Lite (vega.github.io/vega-lite/docs): axes, lines with their names, data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simulator.report.palette import colour

Spec = dict[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
# Hours between two labels of a time axis; the first with which there are at most `MOST_LABELS`.
HOURS_BETWEEN = (1 / 60, 1 / 12, 1 / 4, 1 / 2, 1, 2, 3, 6, 12, 24, 48, 168, 720)
MOST_LABELS = 9
# So wide are the labels of each y axis: the charts under each other have the same time at the same place.
LABELS_PX = 34
CONFIG: Spec = {
    # The page says in words what a chart shows.
    "aria": False,
    "mark": {"aria": False},
    "background": None,
    "view": {"stroke": None},
    "font": "system-ui, sans-serif",
    "axis": {
        "labelColor": colour("faint"),
        "titleColor": colour("faint"),
        "gridColor": colour("line"),
        "domainColor": colour("line"),
        "tickColor": colour("line"),
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "title": {"color": colour("text"), "anchor": "start", "fontSize": 13, "offset": 6},
    "text": {"color": colour("text"), "fontSize": 12},
}


def chart(layers: Sequence[Spec], height: int, description: str, **more: Any) -> Spec:
    """Return a chart as wide as the element that holds it. `description` is its text for those who do not see it."""
    return {
        "$schema": SCHEMA,
        "description": description,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "padding": {"left": 2, "right": 2, "top": 4, "bottom": 2},
        "layer": list(layers),
        "config": CONFIG,
        **more,
    }


def table(name: str, columns: Sequence[str], rows: Sequence[Sequence[float | None]]) -> Spec:
    """Return rows as CSV, the shortest that Vega reads. All columns are numbers."""
    lines = [",".join(columns), *(",".join("" if cell is None else f"{cell:g}" for cell in row) for row in rows)]
    parse = dict.fromkeys(columns, "number")
    return {"name": name, "values": "\n".join(lines), "format": {"type": "csv", "parse": parse}}


def hours(first_h: float, last_h: float, field: str = "h", title: str = "time of day (hours:minutes)") -> Spec:
    """Return the x axis of a time in hours from the first midnight."""
    span = max(last_h - first_h, 1e-6)
    step = next((s for s in HOURS_BETWEEN if span / s <= MOST_LABELS), HOURS_BETWEEN[-1])
    count = int(span / step + 1e-6)
    begin = -(-first_h // step) * step
    day = f"(datum.value >= 24 && {last_h:g} > 24 ? 'day ' + (floor(datum.value / 24) + 1) + ' ' : '')"
    clock = "format(floor(datum.value + 1e-6) % 24, '02') + ':' + format(round(datum.value * 60) % 60, '02')"
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domain": [first_h, last_h], "nice": False, "zero": False},
        "axis": {
            "title": title,
            "grid": False,
            "values": [round(begin + step * n, 6) for n in range(count + 1)],
            "labelExpr": f"{day} + {clock}",
            "labelOverlap": True,
            "labelFlush": True,
        },
    }


def amount(field: str, title: str, most: float, **axis: Any) -> Spec:
    """Return the y axis of an amount from 0 to `most`."""
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domain": [0, most], "nice": False},
        "axis": {"title": title, "tickCount": 4, "minExtent": LABELS_PX, "maxExtent": LABELS_PX, **axis},
    }


def line(x: Spec, y: Spec, named: str, *, dashed: bool = False, steps: bool = True) -> Spec:
    """Return a line in the colour `named` of the palette."""
    mark: Spec = {"type": "line", "color": colour(named), "strokeWidth": 2, "clip": True}
    if steps:
        mark["interpolate"] = "step-before"
    if dashed:
        mark["strokeDash"] = [6, 3]
    return {"mark": mark, "encoding": {"x": x, "y": y}}


def name_of(text: str, named: str, at: tuple[float, float], x: Spec, y: Spec, *, above: bool = True) -> Spec:
    """Return the name of a line beside it, at `at` (the values of x and y), in the line's colour."""
    first, last = x["scale"]["domain"]
    part = (at[0] - first) / (last - first) if last > first else 0.0
    # It stays within the chart, and does not run into what comes next.
    align, dx = ("left", 4) if part < 0.35 else ("right", -4) if part > 0.65 else ("center", 0)
    mark: Spec = {
        "type": "text",
        "text": text,
        "fontWeight": "bold",
        "align": align,
        "baseline": "bottom" if above else "top",
        "dy": -5 if above else 5,
        "dx": dx,
    }
    encoding = {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}}
    # The ground around the letters: they can be read over a line.
    around = {**mark, "color": colour("ground"), "stroke": colour("ground"), "strokeWidth": 3, "opacity": 0.8}
    return {
        "data": {"values": [{"x": at[0], "y": at[1]}]},
        "layer": [{"mark": one, "encoding": encoding} for one in (around, {**mark, "color": colour(named)})],
    }


def moment(field: str, x: Spec) -> Spec:
    """Return an upright line at the value of the parameter `field`, which the page's slider sets."""
    return {
        "data": {"values": [{}]},
        "transform": [{"calculate": field, "as": "x"}],
        "mark": {"type": "rule", "color": colour("text"), "strokeWidth": 1, "clip": True},
        "encoding": {"x": {**x, "field": "x"}},
    }
