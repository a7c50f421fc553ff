"""The page of a simulation: one self-contained file that opens without a network."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from simulator.simulation import ClusterRecord, Outcome
from steady.thresholds import Thresholds

_COLOURS = {
    "instances": "#1f77b4",
    "target": "#1f77b4",
    "demand": "#2ca02c",
    "cpu": "#9467bd",
    "memory": "#e377c2",
    "waiting": "#d62728",
    "interruption": "#ff7f0e",
}

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1100px; padding: 1rem; color: #1b1f24; }
h1 { font-size: 1.5rem; margin-bottom: 0; }
h2 { font-size: 1.2rem; margin-top: 2rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: .75rem; padding: 0; }
.figures div { border: 1px solid #d0d7de; border-radius: 6px; padding: .5rem .75rem; }
.figures dt { font-size: .8rem; color: #57606a; }
.figures dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.note { color: #57606a; }
.scroll { overflow-x: auto; max-height: 26rem; overflow-y: auto; }
table { border-collapse: collapse; font-size: .85rem; width: 100%; }
th, td { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid #d0d7de; vertical-align: top; }
td:first-child, th:first-child { white-space: nowrap; }
"""


def write(outcomes: Sequence[Outcome], path: Path) -> None:
    """Writes the page of `outcomes`, one section a policy, to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(outcomes), encoding="utf-8")


def page(outcomes: Sequence[Outcome]) -> str:
    hours = outcomes[0].figures["simulated_hours"]
    sections = "".join(_section(outcome) for outcome in outcomes)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>ecs-steady: {hours:g} simulated hours</title><style>{_STYLE}</style>"
        f"<script>{get_plotlyjs()}</script></head><body>"
        f"<h1>{hours:g} simulated hours</h1>"
        '<p class="note">Capacity, reservation, waiting tasks and interruptions, minute by minute.</p>'
        f"{sections}</body></html>"
    )


def _section(outcome: Outcome) -> str:
    charts = "".join(
        f"<h2>Policy {html.escape(outcome.policy)}: cluster {html.escape(record.name)} "
        f"({record.kind.value}, {html.escape(record.instance_type)})</h2>{_left_out(record)}{_chart(outcome, record)}"
        for record in outcome.clusters
    )
    return f"<h2>Policy {html.escape(outcome.policy)}</h2>{_figures(outcome.figures)}{charts}{_decisions(outcome)}"


def _figures(figures: dict[str, Any]) -> str:
    shown = (
        ("Tasks", f"{figures['tasks']:,}"),
        ("Never placed", f"{figures['unplaced_tasks']:,}"),
        ("Wait, median", f"{figures['wait_seconds']['p50']:g} s"),
        ("Wait, 99th percentile", f"{figures['wait_seconds']['p99']:g} s"),
        ("Instance-hours", f"{figures['instance_hours']:,.1f}"),
        ("Lower bound", f"{figures['lower_bound_instance_hours']:,.1f}"),
        ("Interruptions", f"{figures['interruptions']:,}"),
        ("Tasks killed in service", f"{figures['tasks_killed_in_service']:,}"),
        ("Failed requests", f"{figures['failed_requests']:,}"),
        ("API calls", f"{sum(figures['api_calls'].values()):,}"),
        ("Throttled", f"{figures['throttled']:,}"),
    )
    return '<dl class="figures">' + "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in shown) + "</dl>"


def _left_out(record: ClusterRecord) -> str:
    if record.left_out is None:
        return ""
    return f'<p class="note">{html.escape(left_out_text(record))}</p>'


def left_out_text(record: ClusterRecord) -> str:
    """What of the work fits no instance, in a sentence ("" if everything fits)."""
    left = record.left_out
    if left is None:
        return ""
    what = f"{left.jobs} jobs" + (f" and the services {', '.join(left.services)}" if left.services else "")
    return (
        f"{what} of cluster {record.name} fit no {record.instance_type} and were left out: they need up to "
        f"{left.largest.cpu_units} CPU units and {left.largest.memory_mib} MiB"
    )


def _chart(outcome: Outcome, record: ClusterRecord) -> str:
    figure = make_subplots(
        rows=3,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.06,
        row_heights=[0.45, 0.3, 0.25],
        subplot_titles=("Capacity and demand, instances", "Reservation, %", "Waiting tasks"),
    )
    times = [_time(outcome, s.at_s) for s in record.samples]
    lines: Iterable[tuple[int, str, str, list[float], dict[str, Any]]] = (
        (1, "registered", "instances", [s.instances for s in record.samples], {"shape": "hv"}),
        (1, "target", "target", [s.target for s in record.samples], {"shape": "hv", "dash": "dot"}),
        (1, "demand (lower bound)", "demand", [s.demand for s in record.samples], {}),
        (2, "CPU", "cpu", [s.cpu_percent for s in record.samples], {}),
        (2, "memory", "memory", [s.memory_percent for s in record.samples], {}),
        (3, "waiting", "waiting", [s.waiting_tasks for s in record.samples], {"shape": "hv"}),
    )
    for row, name, colour, values, line in lines:
        trace = go.Scatter(x=times, y=values, name=name, mode="lines", line={"color": _COLOURS[colour], **line})
        figure.add_trace(trace, row=row, col=1)
    if record.notices:
        figure.add_trace(
            go.Scatter(
                x=[_time(outcome, at) for at, _ in record.notices],
                y=[0 for _ in record.notices],
                text=[f"{instance_id} interrupted" for _, instance_id in record.notices],
                name="interruption notice",
                mode="markers",
                marker={"symbol": "triangle-up", "size": 10, "color": _COLOURS["interruption"]},
            ),
            row=1,
            col=1,
        )
    _draw_thresholds(figure, outcome)
    figure.update_layout(
        height=720, margin={"l": 50, "r": 20, "t": 40, "b": 40}, hovermode="x unified", legend={"orientation": "h"}
    )
    figure.update_yaxes(rangemode="tozero")
    drawn: str = figure.to_html(full_html=False, include_plotlyjs=False, config={"responsive": True})
    return drawn


def _draw_thresholds(figure: Any, outcome: Outcome) -> None:
    held = {**vars(Thresholds()), **outcome.thresholds}
    for resource in ("cpu", "memory"):
        for end in ("high", "low"):
            name = f"{resource}_reservation_{end}"
            colour = _COLOURS[resource]
            figure.add_hline(
                y=held[name], row=2, col=1, line={"color": colour, "dash": "dash", "width": 1}, opacity=0.5
            )


def _decisions(outcome: Outcome) -> str:
    """One row a decision: what was seen, which rules wanted what, and what was done."""
    rows = "".join(
        f"<tr><td>{_time(outcome, line.at - outcome.started_at):%d. %H:%M:%S}</td>"
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in _decision(line.fields))
        + "</tr>"
        for line in outcome.said
        if "reasons" in line.fields
    )
    if not rows:
        return ""
    heads = "".join(f"<th>{head}</th>" for head in ("Time", "Cluster", "Seen", "Wanted", "Done"))
    return (
        f'<h2>Decisions</h2><div class="scroll" tabindex="0"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _decision(fields: dict[str, Any]) -> tuple[str, str, str, str]:
    seen = fields["seen"]
    what = (
        f"{seen['active']} of {seen['instances']} instances active, CPU {seen['cpu_percent']:g} %, "
        f"memory {seen['memory_percent']:g} %, "
        f"{seen['demands']} RunTask failures, {seen['missing_tasks']} tasks missing"
    )
    done = [
        f"{name} {seen[key]} to {fields[key]}"
        for name, key in (("target", "target"), ("on-demand part", "on_demand"))
        if seen[key] != fields[key]
    ]
    done += [
        f"{len(fields[key])} {verb}"
        for key, verb in (("to_undrain", "taken back"), ("to_drain", "drained"), ("to_terminate", "terminated"))
        if fields[key]
    ]
    wanted = "; ".join(reason["text"] for reason in fields["reasons"])
    return str(fields["cluster"]), what, wanted, ", ".join(done) or "nothing"


def _time(outcome: Outcome, at_s: float) -> datetime:
    return datetime.fromtimestamp(outcome.started_at + at_s, UTC)
