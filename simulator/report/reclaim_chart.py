"""A reclaim, task by task: instances are rows, tasks are bars, and what was lost is red."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator.outcome import TakenInstance, TakenTask
from simulator.report import marks
from simulator.report.marks import Spec
from simulator.report.palette import colour
from simulator.report.reclaims import Reclaim
from simulator.spot_market import NOTICE_S

# The chart begins and ends this many seconds before the notice and after the end of the instances.
BEFORE_S, AFTER_S = 8.0, 6.0
BAR_PX = 7
STATES = ("serving", "targets draining", "stopping")
COLOURS = ("serving", "draining", "stopping")


def reclaim_chart(reclaim: Reclaim) -> Spec:
    """Return the chart of a reclaim. Its parameter `t` is the second up to which it is drawn in full."""
    x: Spec = {
        "field": "begin",
        "type": "quantitative",
        "scale": {"domain": [-BEFORE_S, NOTICE_S + AFTER_S], "nice": False, "zero": False},
        "axis": {
            "title": "seconds after the notice",
            "values": list(range(0, 121, 15)),
            "grid": False,
            "labelOverlap": True,
        },
    }
    rows: Spec = {
        "field": "instance",
        "type": "nominal",
        "sort": None,
        "scale": {"paddingInner": 0.15, "paddingOuter": 0.05},
        "axis": {"title": "instance", "domain": False, "ticks": False, "minExtent": 60, "maxExtent": 60},
    }
    lane: Spec = {"field": "lane", "type": "nominal", "sort": None}
    bars = _bars(x, rows, lane)
    layers = [
        _faint(bars),
        _up_to_now(bars),
        _lost(reclaim, x, rows, lane),
        {
            "data": {"values": [{"begin": 0}, {"begin": NOTICE_S}]},
            "mark": {"type": "rule", "color": colour("faint"), "strokeDash": [3, 3]},
            "encoding": {"x": x},
        },
        marks.moment("t", x),
    ]
    killed = f"{reclaim.killed} tasks killed, {reclaim.failed_requests} requests lost"
    text = f"Tasks of {len(reclaim.instances)} reclaimed instances from the notice to their end: {killed}."
    lanes = max((len(instance.tasks) for instance in reclaim.instances), default=1)
    return marks.chart(
        layers,
        len(reclaim.instances) * (max(2, lanes) + 1) * BAR_PX,
        text,
        data={"values": list(_segments(reclaim))},
        params=[{"name": "t", "value": NOTICE_S + AFTER_S}],
    )


def _bars(x: Spec, rows: Spec, lane: Spec) -> Spec:
    return {
        "mark": {"type": "bar", "height": BAR_PX - 2},
        "encoding": {
            "x": x,
            "x2": {"field": "end"},
            "y": rows,
            "yOffset": lane,
            "color": {
                "field": "state",
                "type": "nominal",
                "scale": {"domain": list(STATES), "range": [colour(name) for name in COLOURS]},
                "legend": None,
            },
            "tooltip": [
                {"field": "task", "type": "nominal"},
                {"field": "state", "type": "nominal"},
                {"field": "begin", "type": "quantitative", "title": "from, s"},
                {"field": "end", "type": "quantitative", "title": "to, s"},
            ],
        },
    }


def _faint(bars: Spec) -> Spec:
    return {**bars, "mark": {**bars["mark"], "opacity": 0.22, "tooltip": None}}


def _up_to_now(bars: Spec) -> Spec:
    encoding = {**bars["encoding"], "x2": {"field": "until"}}
    transform = [{"filter": "datum.begin <= t"}, {"calculate": "min(datum.end, t)", "as": "until"}]
    return {**bars, "transform": transform, "encoding": encoding}


def _segments(reclaim: Reclaim) -> Iterator[dict[str, Any]]:
    for instance in reclaim.instances:
        lane = -1
        for lane, task in enumerate(_in_order(instance)):
            for state, begin, end in states(task, reclaim.at_s):
                yield {
                    "instance": _short(instance),
                    "lane": lane,
                    "task": task.name,
                    "state": state,
                    "begin": begin,
                    "end": end,
                }
        if lane < 0:
            yield {"instance": _short(instance), "lane": 0, "state": "serving", "begin": -BEFORE_S, "end": -BEFORE_S}


def states(task: TakenTask, from_s: float) -> list[tuple[str, float, float]]:
    """Return the states of a task within the chart, each with its begin and its end in seconds after `from_s`."""
    last = NOTICE_S + AFTER_S
    ended = last if task.ended_s is None else task.ended_s - from_s
    told = ended if task.sigterm_s is None else min(ended, task.sigterm_s - from_s)
    left = told if task.deregistered_s is None else min(told, task.deregistered_s - from_s)
    ends = zip(STATES, (task.placed_s - from_s, left, told), (left, told, ended), strict=True)
    within = [(state, max(-BEFORE_S, begin), min(last, end)) for state, begin, end in ends]
    return [(state, round(begin, 1), round(end, 1)) for state, begin, end in within if end > begin]


def _in_order(instance: TakenInstance) -> list[TakenTask]:
    """Return the tasks of an instance in the order of their end: those of services first."""
    return sorted(instance.tasks, key=lambda t: (not t.is_of_service, t.ended_s or float("inf")))


def _short(instance: TakenInstance) -> str:
    """Return the end of an instance's id, which tells instances apart."""
    return f"…{instance.id[-4:]}"


def _lost(reclaim: Reclaim, x: Spec, rows: Spec, lane: Spec) -> Spec:
    values = [
        {
            "instance": _short(instance),
            "lane": number,
            "begin": round((task.ended_s or 0.0) - reclaim.at_s, 1),
            "what": f"{task.name}: " + ("killed" if task.killed else "") + requests,
        }
        for instance in reclaim.instances
        for number, task in enumerate(_in_order(instance))
        for requests in [f" {task.failed_requests} requests lost" if task.failed_requests else ""]
        if task.killed or requests
    ]
    return {
        "data": {"values": values},
        "mark": {"type": "point", "shape": "cross", "angle": 45, "filled": True, "size": 110, "color": colour("lost")},
        "encoding": {
            "x": x,
            "y": rows,
            "yOffset": lane,
            "tooltip": {"field": "what", "type": "nominal"},
            "opacity": {"condition": {"test": "datum.begin <= t", "value": 1}, "value": 0.25},
        },
    }
