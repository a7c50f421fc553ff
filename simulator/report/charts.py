"""The charts of the report. Their colours are readable on a light and on a dark background."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from simulator.outcome import ClusterRecord, Outcome
from simulator.report.decisions import Decision
from steady.api_budget.limits import BUCKETS
from steady.thresholds import Thresholds

# From the palette of Okabe and Ito, whose colours people with any colour vision can tell apart.
INSTANCES, DEMAND, WAITING, INTERRUPTION = "#0072B2", "#009E73", "#D55E00", "#E69F00"
RESOURCES = {"cpu": "#CC79A7", "memory": "#56B4E9"}
OF_BUCKETS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
KINDS = {"out": "#D55E00", "in": "#0072B2", "other": "#999999"}


def cluster_chart(outcome: Outcome, record: ClusterRecord, id_: str) -> str:
    """Return a chart, minute by minute: capacity and demand, reservation with its thresholds, waiting tasks."""
    figure = make_subplots(
        rows=3,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.07,
        row_heights=[0.45, 0.3, 0.25],
        subplot_titles=("Capacity and demand, instances", "Reservation, %", "Waiting tasks"),
    )
    times = [at(outcome, s.at_s) for s in record.samples]
    lines: Sequence[tuple[int, str, str, list[float], dict[str, Any]]] = (
        (1, "registered", INSTANCES, [s.instances for s in record.samples], {"shape": "hv"}),
        (1, "target", INSTANCES, [s.target for s in record.samples], {"shape": "hv", "dash": "dot"}),
        (1, "demand (lower bound)", DEMAND, [s.demand for s in record.samples], {}),
        (2, "CPU", RESOURCES["cpu"], [s.cpu_percent for s in record.samples], {}),
        (2, "memory", RESOURCES["memory"], [s.memory_percent for s in record.samples], {}),
        (3, "waiting", WAITING, [s.waiting_tasks for s in record.samples], {"shape": "hv"}),
    )
    for row, name, colour, values, line in lines:
        trace = go.Scatter(x=times, y=values, name=name, mode="lines", line={"color": colour, **line})
        figure.add_trace(trace, row=row, col=1)
    if record.notices:
        figure.add_trace(_notices(outcome, record), row=1, col=1)
    held = {**vars(Thresholds()), **outcome.thresholds}
    for resource, colour in RESOURCES.items():
        for end in ("high", "low"):
            line = {"color": colour, "dash": "dash", "width": 1}
            figure.add_hline(y=held[f"{resource}_reservation_{end}"], row=2, col=1, line=line, opacity=0.6)
    figure.update_layout(height=640, hovermode="x unified")
    return _drawn(figure, id_)


def calls_chart(outcome: Outcome, id_: str) -> str:
    """Return a chart of the functions' ECS calls: for each minute, the percentage of what each bucket allows."""
    figure = go.Figure()
    times = [at(outcome, s.at_s) for s in outcome.calls]
    for bucket, colour in zip(BUCKETS, OF_BUCKETS, strict=True):
        counts = [s.by_bucket.get(bucket.name, 0) for s in outcome.calls]
        if any(counts):
            shares = [100 * count / bucket.per_minute for count in counts]
            figure.add_trace(
                go.Scatter(
                    x=times,
                    y=shares,
                    name=bucket.name,
                    mode="lines",
                    line={"color": colour, "shape": "hv"},
                    customdata=[[count, bucket.per_minute] for count in counts],
                    hovertemplate="%{customdata[0]} of %{customdata[1]} calls (%{y:.1f} %)",
                )
            )
    figure.add_hline(y=100, line={"color": WAITING, "dash": "dash", "width": 1}, annotation_text="limit")
    figure.update_layout(height=320, hovermode="x unified", yaxis_title="% of the limit")
    return _drawn(figure, id_)


def decisions_chart(decisions: Sequence[Decision], id_: str) -> str:
    """Return a chart with a mark for each decision and a lane for each cluster.

    The `customdata` of a mark is the number of the decision in the list.
    """
    figure = go.Figure()
    for kind, colour in KINDS.items():
        of_kind = [(number, d) for number, d in enumerate(decisions) if d.kind == kind]
        if not of_kind:
            continue
        figure.add_trace(
            go.Scatter(
                x=[d.at for _, d in of_kind],
                y=[d.cluster for _, d in of_kind],
                name={"out": "scale-out", "in": "scale-in", "other": "other"}[kind],
                mode="markers",
                marker={"color": colour, "size": 9, "symbol": {"out": "triangle-up", "in": "triangle-down"}.get(kind)},
                customdata=[number for number, _ in of_kind],
                text=["<br>".join([d.done, *d.reasons]) for _, d in of_kind],
                hovertemplate="%{x|%d. %H:%M:%S}<br>%{text}<extra></extra>",
            )
        )
    lanes = len({d.cluster for d in decisions})
    figure.update_layout(height=180 + 40 * lanes, hovermode="closest")
    return _drawn(figure, id_)


def at(outcome: Outcome, at_s: float) -> datetime:
    """Return the time that is `at_s` seconds after the start of the simulation."""
    return datetime.fromtimestamp(outcome.started_at + at_s, UTC)


def _notices(outcome: Outcome, record: ClusterRecord) -> go.Scatter:
    return go.Scatter(
        x=[at(outcome, at_s) for at_s, _ in record.notices],
        y=[0 for _ in record.notices],
        text=[f"{instance_id} interrupted" for _, instance_id in record.notices],
        name="interruption notice",
        mode="markers",
        marker={"symbol": "triangle-up", "size": 10, "color": INTERRUPTION},
    )


def _drawn(figure: Any, id_: str) -> str:
    figure.update_layout(
        margin={"l": 48, "r": 12, "t": 36, "b": 72},
        # Under the axis, for any height of the chart.
        legend={"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    figure.update_yaxes(rangemode="tozero")
    drawn: str = figure.to_html(
        full_html=False, include_plotlyjs=False, div_id=id_, config={"responsive": True, "displayModeBar": False}
    )
    return drawn
