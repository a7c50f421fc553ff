"""Build the report: the charts, the decisions and the interruptions, in a template that escapes all texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from simulator.outcome import Outcome
from simulator.policies import ecs_alone, steady
from simulator.report import difference
from simulator.report.charts import calls_chart, cluster_chart, decisions_chart
from simulator.report.decisions import decisions_of, interruptions_of
from simulator.report.figures import SHOWN
from simulator.wording import counted
from simulator.workload.plan import LeftOut

HERE = Path(__file__).parent


def write(outcomes: Sequence[Outcome], path: Path) -> None:
    """Write the report of `outcomes` to `path`. Several outcomes stand side by side."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(outcomes), encoding="utf-8")


def _made_here(text: str) -> Markup:
    """Mark a text as safe HTML: it is from a file of this folder, or plotly has made and escaped it."""
    return Markup(text)  # noqa: S704


def page(outcomes: Sequence[Outcome]) -> str:
    """Return the report as HTML. Style, script and figures are in it."""
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("page.html").render(
        hours=f"{outcomes[0].figures['simulated_hours']:g}",
        style=_made_here((HERE / "page.css").read_text(encoding="utf-8")),
        script=_made_here((HERE / "page.js").read_text(encoding="utf-8")),
        plotly=_made_here(get_plotlyjs()),
        message=_message(outcomes),
        figures=[(name, [cell(o.figures) for o in outcomes]) for name, cell in SHOWN],
        runs=[_run(number, outcome) for number, outcome in enumerate(outcomes)],
    )


def _message(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """Return what the suite changed, if the other run is that of ECS alone; nothing if there is no such run."""
    figures = {o.policy: o.figures for o in outcomes}
    if set(figures) != {steady.NAME, ecs_alone.NAME}:
        return ()
    return difference.sentences(figures[steady.NAME], figures[ecs_alone.NAME])


def left_out_text(cluster: str, instance_type: str, left: LeftOut) -> str:
    """Return a sentence about the work of a cluster that fits no instance of its type."""
    of_services = f"{'the service' if len(left.services) == 1 else 'the services'} {', '.join(left.services)}"
    what = ([counted(left.jobs, "job")] if left.jobs else []) + ([of_services] if left.services else [])
    one = left.jobs + len(left.services) == 1
    return (
        f"{' and '.join(what)} of cluster {cluster} {'fits' if one else 'fit'} no {instance_type} and "
        f"{'does' if one else 'do'} not run: a task needs up to {left.largest.cpu_units} CPU units and "
        f"{left.largest.memory_mib} MiB"
    )


def _run(number: int, outcome: Outcome) -> dict[str, Any]:
    decisions = decisions_of(outcome)
    return {
        "number": number,
        "policy": outcome.policy,
        "clusters": [
            {
                "record": record,
                "left_out": left_out_text(record.name, record.instance_type, record.left_out)
                if record.left_out
                else "",
                "chart": _made_here(cluster_chart(outcome, record, f"cluster-{number}-{place}")),
            }
            for place, record in enumerate(outcome.clusters)
        ],
        "calls": _made_here(calls_chart(outcome, f"calls-{number}")),
        "interruptions": interruptions_of(outcome),
        "decisions": decisions,
        "timeline": _made_here(decisions_chart(decisions, f"timeline-{number}")) if decisions else "",
    }
